"""The follower and its loader: what happens when a bundle cannot be had, and when it can again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from retread.serving.following import Follower, LastGoodFile, Loader, try_in_child
from retread.serving.following.memory import available_bytes
from tests.bundles import iris_bundle, slow_bundle, tiny_image_bundle
from tests.serving.running import Served

from retread.bundle import MODEL
from retread.core import ManualClock, Unavailable
from retread.registry import Applied
from retread.registry.events import Slot
from retread.serving.slots import SlotHolder


class Following:
    """A follower in this process, whose time is moved by hand."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.slots = SlotHolder()
        self.follower = Follower(
            server_id="srv_test",
            ledger=served.ledger,
            servers=served.servers,
            loader=Loader(served.bundles, lambda _: None),
            slots=self.slots,
            last_good=LastGoodFile(served.project.home / "run" / "slots.json"),
            clock=self.clock,
            prepare=lambda: None,
            stopping=threading.Event(),
        )

    def look(self, after_s: float = 0.0) -> None:
        self.clock.advance(timedelta(seconds=after_s))
        assert self.follower.catch_up()

    def applied(self, slot: Slot) -> Applied:
        (status,) = self.served.servers.live()
        return status.applied[slot]

    def version(self, slot: Slot) -> int:
        """0 for nobody."""
        entry = self.slots.table.entry(slot)
        return entry.version if entry is not None else 0


@pytest.fixture
def following(served: Served) -> Iterator[Following]:
    yield Following(served)
    served.database.close()


def hide(served: Served, bundle: str) -> Path:
    """Make reading the model of a bundle an input/output error, until it is put back."""
    path = served.project.bundles / bundle.removeprefix("sha256:") / MODEL
    path.rename(path.with_suffix(".hidden"))
    path.symlink_to("/proc/self/mem")  # whose first byte nobody can read: EIO
    return path


def put_back(path: Path) -> None:
    path.unlink()
    path.with_suffix(".hidden").rename(path)


def test_a_disk_that_fails_for_one_slot_does_not_starve_the_others(following: Following) -> None:
    served = following.served
    broken, whole = iris_bundle(served.bundles), iris_bundle(served.bundles, seed=1)
    path = hide(served, broken)
    served.assign(1, broken)
    served.assign(2, whole, Slot.STAGING)
    following.look()
    assert following.version(Slot.STAGING) == 2
    assert "cannot be read" in following.applied(Slot.PRODUCTION).error
    put_back(path)
    following.look(after_s=6)
    assert following.version(Slot.PRODUCTION) == 1
    assert following.applied(Slot.PRODUCTION).error == ""


def test_each_slot_is_tried_again_in_its_own_time(following: Following) -> None:
    served = following.served
    bundles = [iris_bundle(served.bundles, seed=seed) for seed in (0, 1)]
    paths = [hide(served, bundle) for bundle in bundles]
    served.assign(1, bundles[0])
    served.assign(2, bundles[1], Slot.STAGING)
    following.look()
    for path in paths:
        put_back(path)
    following.look(after_s=6)
    assert (following.version(Slot.PRODUCTION), following.version(Slot.STAGING)) == (1, 2)


def test_a_server_that_fell_back_comes_back(following: Following) -> None:
    """After a restart it serves the last good model, and what is wanted when that can be had."""
    served = following.served
    old, new = iris_bundle(served.bundles), iris_bundle(served.bundles, seed=1)
    served.assign(1, old)
    following.look()
    restarted = Following(served)
    path = hide(served, new)
    served.assign(2, new)
    restarted.look()
    assert restarted.version(Slot.PRODUCTION) == 1
    put_back(path)
    restarted.look(after_s=1)
    assert restarted.version(Slot.PRODUCTION) == 1, "not at every look"
    restarted.look(after_s=5)
    assert restarted.version(Slot.PRODUCTION) == 2


def test_what_fails_again_is_tried_ever_more_rarely(following: Following) -> None:
    served = following.served
    path = hide(served, bundle := iris_bundle(served.bundles))
    served.assign(1, bundle)
    following.look()
    following.look(after_s=6)
    put_back(path)
    following.look(after_s=6)
    assert following.version(Slot.PRODUCTION) == 0
    following.look(after_s=5)
    assert following.version(Slot.PRODUCTION) == 1


def test_a_production_of_other_inputs_empties_the_canary(following: Following) -> None:
    served = following.served
    served.assign(1, iris_bundle(served.bundles))
    served.assign(2, iris_bundle(served.bundles, seed=1), Slot.CANARY, 0.5)
    following.look()
    assert following.version(Slot.CANARY) == 2
    served.assign(3, tiny_image_bundle(served.bundles))
    following.look()
    assert (following.version(Slot.PRODUCTION), following.version(Slot.CANARY)) == (3, 0)
    assert "other inputs" in following.applied(Slot.CANARY).error
    assert following.applied(Slot.CANARY).bundle == ""
    served.assign(1, iris_bundle(served.bundles))
    following.look(after_s=6)
    assert following.version(Slot.CANARY) == 2


def test_a_server_that_is_told_to_end_does_not_wait_for_a_bundle(served: Served) -> None:
    digest = slow_bundle(served.bundles, products=40)
    stopping = threading.Event()
    try_load = try_in_child(served.project.bundles, stopping)
    threading.Timer(0.3, stopping.set).start()
    with pytest.raises(Unavailable, match="The server ends"):
        try_load(digest)
    served.database.close()


def test_a_bundle_that_takes_too_much_memory_is_one_sentence(served: Served) -> None:
    digest = iris_bundle(served.bundles)
    try_load = try_in_child(served.project.bundles, threading.Event(), memory_bytes=200_000_000)
    with pytest.raises(Unavailable, match=r"bad_alloc|killed|memory"):
        try_load(digest)
    try_in_child(served.project.bundles, threading.Event())(digest)
    served.database.close()


def test_memory_is_what_the_machine_and_its_cgroups_have_left(tmp_path: Path) -> None:
    """Caches count as free; the tightest of the groups around the process counts."""
    group = tmp_path / "sys/fs/cgroup/outer/inner"
    group.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/outer/inner\n")
    (tmp_path / "proc/meminfo").write_text("MemFree: 10 kB\nMemAvailable: 5000 kB\n")
    assert available_bytes(tmp_path) == 5_120_000
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("100\n")
    (group.parent / "memory.max").write_text("3000000\n")
    (group.parent / "memory.current").write_text("1000000\n")
    (group.parent / "memory.stat").write_text("anon 1\ninactive_file 400000\n")
    assert available_bytes(tmp_path) == 2_400_000
