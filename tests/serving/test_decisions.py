"""What is decided without a clock, a disk or a network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from retread.serving.routing import position
from tests.bundles import iris_bundle

from retread.bundle import LocalBundleStore
from retread.core import NotFound, Unavailable
from retread.registry.events import Slot
from retread.serving.runtime import Runtime, load_runtime
from retread.serving.slots import SlotEntry, SlotTable


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    store = LocalBundleStore(tmp_path_factory.mktemp("bundles"))
    return load_runtime(store, iris_bundle(store))


def entry(runtime: Runtime, slot: Slot, version: int, share: float = 1.0) -> SlotEntry:
    return SlotEntry(slot, version, 1, share, runtime)


def test_an_older_epoch_does_not_change_the_table(runtime: Runtime) -> None:
    table = SlotTable().with_entry(Slot.PRODUCTION, 5, entry(runtime, Slot.PRODUCTION, 2))
    old = table.with_entry(Slot.PRODUCTION, 4, entry(runtime, Slot.PRODUCTION, 1))
    assert old is table
    assert table.with_entry(Slot.PRODUCTION, 5, None) is table
    assert table.with_entry(Slot.PRODUCTION, 6, None).production is None


@given(key=st.text(max_size=40), small=st.floats(0, 1), large=st.floats(0, 1))
def test_a_key_that_is_with_the_canary_stays_there_as_it_grows(
    runtime: Runtime, key: str, small: float, large: float
) -> None:
    small, large = sorted((small, large))
    production = entry(runtime, Slot.PRODUCTION, 1)
    before, after = (
        SlotTable(production=production, canary=entry(runtime, Slot.CANARY, 2, share=share))
        for share in (small, large)
    )
    if before.answering(key, None, 0) is before.canary:
        assert after.answering(key, None, 0) is after.canary
    assert (
        SlotTable(
            production=production, canary=entry(runtime, Slot.CANARY, 2, share=0.0)
        ).answering(key, None, 0)
        is production
    )


def test_routing_is_what_any_other_program_would_compute() -> None:
    """sha256("customer-7") begins with these eight bytes."""
    import hashlib

    digest = hashlib.sha256(b"customer-7").hexdigest()
    assert position("customer-7") == pytest.approx(int(digest[:16], 16) / 2**64)
    shares = [position(f"k{i}") for i in range(20_000)]
    assert sum(share < 0.1 for share in shares) / len(shares) == pytest.approx(0.1, abs=0.01)


def test_who_answers(runtime: Runtime) -> None:
    production = entry(runtime, Slot.PRODUCTION, 1)
    canary = entry(runtime, Slot.CANARY, 2, share=0.5)
    staging = entry(runtime, Slot.STAGING, 3)
    table = SlotTable(production=production, canary=canary, staging=staging)
    keys = [f"k{i}" for i in range(50)]
    for key in keys:
        expected = canary if position(key) < 0.5 else production
        assert table.answering(key, None, 0) is expected
        assert table.answering(key, Slot.PRODUCTION, 0) is production
        assert table.answering(key, Slot.STAGING, 0) is staging
        assert table.answering(key, None, 2) is canary
    with pytest.raises(NotFound, match="1 \\(production\\), 2 \\(canary\\), 3 \\(staging\\)"):
        table.answering("k", None, 4)
    with pytest.raises(NotFound, match="staging is empty"):
        SlotTable(production=production).answering("k", Slot.STAGING, 0)
    with pytest.raises(Unavailable, match="No model is in production"):
        SlotTable().answering("k", None, 0)


def test_who_is_compared_with_whom(runtime: Runtime) -> None:
    production = entry(runtime, Slot.PRODUCTION, 1)
    canary = entry(runtime, Slot.CANARY, 2)
    shadow = entry(runtime, Slot.SHADOW, 3)
    staging = entry(runtime, Slot.STAGING, 4)
    table = SlotTable(production=production, canary=canary, shadow=shadow, staging=staging)
    assert table.partner(production) is canary
    assert table.partner(canary) is production
    assert table.partner(staging) is None
    assert SlotTable(production=production, shadow=shadow).partner(production) is shadow
