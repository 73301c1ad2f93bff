"""The reconciler and its loader: bundles that cannot be loaded, and those that can be again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.bundles import iris_bundle, slow_bundle, tiny_image_bundle
from tests.serving.running import Served

from retread.bundle import MODEL
from retread.core import ManualClock, Unavailable
from retread.registry import Applied
from retread.registry.events import Slot
from retread.serving.reconcile import (
    BundleLoader,
    LastKnownGoodFile,
    SlotReconciler,
    sandboxed_load,
)
from retread.serving.slots import SlotHolder


class ReconcilerHarness:
    """A reconciler in this process, with a manual clock."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.slots = SlotHolder()
        self.reconciler = SlotReconciler(
            server_id="srv_test",
            ledger=served.ledger,
            servers=served.servers,
            loader=BundleLoader(served.bundles, lambda _: None),
            slots=self.slots,
            last_known_good=LastKnownGoodFile(served.project.home / "run" / "slots.json"),
            clock=self.clock,
            prepare=lambda: None,
            stopping=threading.Event(),
        )

    def reconcile(self, after_s: float = 0.0) -> None:
        self.clock.advance(timedelta(seconds=after_s))
        assert self.reconciler.reconcile()

    def applied(self, slot: Slot) -> Applied:
        (status,) = self.served.servers.live()
        return status.applied[slot]

    def version(self, slot: Slot) -> int | None:
        entry = self.slots.table.entry(slot)
        return entry.version if entry is not None else None


@pytest.fixture
def harness(served: Served) -> Iterator[ReconcilerHarness]:
    yield ReconcilerHarness(served)
    served.database.close()


def hide(served: Served, bundle: str) -> Path:
    """Make reading the model of a bundle an input/output error, until it is restored."""
    path = served.project.bundles / bundle.removeprefix("sha256:") / MODEL
    path.rename(path.with_suffix(".hidden"))
    path.symlink_to("/proc/self/mem")  # its first byte cannot be read: EIO
    return path


def restore(path: Path) -> None:
    path.unlink()
    path.with_suffix(".hidden").rename(path)


def test_a_disk_error_in_one_slot_does_not_hold_up_the_others(harness: ReconcilerHarness) -> None:
    served = harness.served
    broken, whole = iris_bundle(served.bundles), iris_bundle(served.bundles, seed=1)
    path = hide(served, broken)
    served.assign(1, broken)
    served.assign(2, whole, Slot.STAGING)
    harness.reconcile()
    assert harness.version(Slot.STAGING) == 2
    assert "cannot be read" in str(harness.applied(Slot.PRODUCTION).error)
    restore(path)
    harness.reconcile(after_s=6)
    assert harness.version(Slot.PRODUCTION) == 1
    assert harness.applied(Slot.PRODUCTION).error is None


def test_each_slot_is_retried_on_its_own(harness: ReconcilerHarness) -> None:
    served = harness.served
    bundles = [iris_bundle(served.bundles, seed=seed) for seed in (0, 1)]
    paths = [hide(served, bundle) for bundle in bundles]
    served.assign(1, bundles[0])
    served.assign(2, bundles[1], Slot.STAGING)
    harness.reconcile()
    for path in paths:
        restore(path)
    harness.reconcile(after_s=6)
    assert (harness.version(Slot.PRODUCTION), harness.version(Slot.STAGING)) == (1, 2)


def test_a_restarted_server_serves_the_last_known_good_until_it_can_do_better(
    harness: ReconcilerHarness,
) -> None:
    served = harness.served
    old, new = iris_bundle(served.bundles), iris_bundle(served.bundles, seed=1)
    served.assign(1, old)
    harness.reconcile()
    restarted = ReconcilerHarness(served)
    path = hide(served, new)
    served.assign(2, new)
    restarted.reconcile()
    assert restarted.version(Slot.PRODUCTION) == 1
    restore(path)
    restarted.reconcile(after_s=1)
    assert restarted.version(Slot.PRODUCTION) == 1, "not on every reconciliation"
    restarted.reconcile(after_s=5)
    assert restarted.version(Slot.PRODUCTION) == 2


def test_the_pause_between_retries_grows(harness: ReconcilerHarness) -> None:
    served = harness.served
    path = hide(served, bundle := iris_bundle(served.bundles))
    served.assign(1, bundle)
    harness.reconcile()
    harness.reconcile(after_s=6)
    restore(path)
    harness.reconcile(after_s=6)
    assert harness.version(Slot.PRODUCTION) is None
    harness.reconcile(after_s=5)
    assert harness.version(Slot.PRODUCTION) == 1


def test_a_production_with_other_inputs_empties_the_canary(harness: ReconcilerHarness) -> None:
    served = harness.served
    served.assign(1, iris_bundle(served.bundles))
    served.assign(2, iris_bundle(served.bundles, seed=1), Slot.CANARY, 0.5)
    harness.reconcile()
    assert harness.version(Slot.CANARY) == 2
    served.assign(3, tiny_image_bundle(served.bundles))
    harness.reconcile()
    assert (harness.version(Slot.PRODUCTION), harness.version(Slot.CANARY)) == (3, None)
    assert "other inputs" in str(harness.applied(Slot.CANARY).error)
    assert harness.applied(Slot.CANARY).bundle is None
    served.assign(1, iris_bundle(served.bundles))
    harness.reconcile(after_s=6)
    assert harness.version(Slot.CANARY) == 2


def test_a_server_that_shuts_down_does_not_wait_for_a_bundle(served: Served) -> None:
    digest = slow_bundle(served.bundles, products=40)
    stopping = threading.Event()
    load = sandboxed_load(served.project.bundles, stopping)
    threading.Timer(0.3, stopping.set).start()
    with pytest.raises(Unavailable, match="Server is shutting down"):
        load(digest)
    served.database.close()


@pytest.mark.slow
def test_a_bundle_that_needs_too_much_memory_is_refused_in_one_sentence(served: Served) -> None:
    digest = iris_bundle(served.bundles)
    load = sandboxed_load(served.project.bundles, threading.Event(), memory_bytes=200_000_000)
    with pytest.raises(Unavailable, match=r"bad_alloc|killed|memory"):
        load(digest)
    sandboxed_load(served.project.bundles, threading.Event())(digest)
    served.database.close()


def test_the_last_known_good_of_earlier_releases_is_read(tmp_path: Path) -> None:
    """They called the generation of a slot its epoch, and so does the file still."""
    path = tmp_path / "slots.json"
    path.write_text(
        '{"slots":{"production":{"version":3,"bundle":"sha256:ab","epoch":7,"share":1.0},'
        '"canary":{"version":0,"bundle":"","epoch":8,"share":1.0}},"tried":["sha256:ab"]}'
    )
    file = LastKnownGoodFile(path)
    good = file.read()
    assert good.slots[Slot.PRODUCTION].version == 3
    assert [state.generation for state in good.slots.values()] == [7, 8]
    assert good.tried == ("sha256:ab",)
    file.write(good)
    assert '"epoch":7' in path.read_text()
    assert file.read() == good
