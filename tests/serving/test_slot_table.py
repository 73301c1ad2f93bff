"""Routing: which slot answers a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bundles import iris_bundle

from retread.bundle import LocalBundleStore
from retread.core import NotFound, Unavailable
from retread.registry.events import Slot
from retread.serving.runtime import Runtime, load_runtime
from retread.serving.slots import SlotEntry, SlotTable, key_position


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    store = LocalBundleStore(tmp_path_factory.mktemp("bundles"))
    return load_runtime(store, iris_bundle(store))


def entry(runtime: Runtime, slot: Slot, version: int, share: float = 1.0) -> SlotEntry:
    return SlotEntry(slot, version, 1, share, runtime)


def test_an_older_generation_does_not_change_the_table(runtime: Runtime) -> None:
    table = SlotTable().with_entry(Slot.PRODUCTION, 5, entry(runtime, Slot.PRODUCTION, 2))
    old = table.with_entry(Slot.PRODUCTION, 4, entry(runtime, Slot.PRODUCTION, 1))
    assert old is table
    assert table.with_entry(Slot.PRODUCTION, 5, None) is table
    assert table.with_entry(Slot.PRODUCTION, 6, None).production is None


@given(key=st.text(max_size=40), small=st.floats(0, 1), large=st.floats(0, 1))
def test_a_key_stays_with_the_canary_as_its_share_grows(
    runtime: Runtime, key: str, small: float, large: float
) -> None:
    small, large = sorted((small, large))
    production = entry(runtime, Slot.PRODUCTION, 1)
    before, after = (
        SlotTable(production=production, canary=entry(runtime, Slot.CANARY, 2, share=share))
        for share in (small, large)
    )
    if before.route(key) is before.canary:
        assert after.route(key) is after.canary
    assert (
        SlotTable(production=production, canary=entry(runtime, Slot.CANARY, 2, share=0.0)).route(
            key
        )
        is production
    )


def test_any_program_can_compute_the_position_of_a_key() -> None:
    """It is the first eight bytes of the SHA-256."""
    import hashlib

    digest = hashlib.sha256(b"customer-7").hexdigest()
    assert key_position("customer-7") == pytest.approx(int(digest[:16], 16) / 2**64)
    shares = [key_position(f"k{i}") for i in range(20_000)]
    assert sum(share < 0.1 for share in shares) / len(shares) == pytest.approx(0.1, abs=0.01)


def test_requests_are_routed_by_key_slot_and_version(runtime: Runtime) -> None:
    production = entry(runtime, Slot.PRODUCTION, 1)
    canary = entry(runtime, Slot.CANARY, 2, share=0.5)
    staging = entry(runtime, Slot.STAGING, 3)
    table = SlotTable(production=production, canary=canary, staging=staging)
    keys = [f"k{i}" for i in range(50)]
    for key in keys:
        expected = canary if key_position(key) < 0.5 else production
        assert table.route(key) is expected
        assert table.route(key, Slot.PRODUCTION) is production
        assert table.route(key, Slot.STAGING) is staging
        assert table.route(key, version=2) is canary
    with pytest.raises(NotFound, match="1 \\(production\\), 2 \\(canary\\), 3 \\(staging\\)"):
        table.route("k", version=4)
    with pytest.raises(NotFound, match="staging is empty"):
        SlotTable(production=production).route("k", Slot.STAGING)
    with pytest.raises(Unavailable, match="No model is in production"):
        SlotTable().route("k")


def test_the_canary_or_the_shadow_is_compared_with_production(runtime: Runtime) -> None:
    production = entry(runtime, Slot.PRODUCTION, 1)
    canary = entry(runtime, Slot.CANARY, 2)
    shadow = entry(runtime, Slot.SHADOW, 3)
    staging = entry(runtime, Slot.STAGING, 4)
    table = SlotTable(production=production, canary=canary, shadow=shadow, staging=staging)
    assert table.partner(production) is canary
    assert table.partner(canary) is production
    assert table.partner(staging) is None
    assert SlotTable(production=production, shadow=shadow).partner(production) is shadow
