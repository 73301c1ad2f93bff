"""Promotion is a transaction over real servers that follow the ledger."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from retread.core import (
    Conflict,
    Database,
    InvalidInput,
    ManualClock,
    Refused,
    SystemClock,
)
from retread.registry import Applied, Promoter, Registry, SqlLedger, SqlServerDirectory, Stage
from retread.registry.events import PromotionReverted, Slot, SlotAssigned
from retread.registry.promotion import Promotion
from retread.registry.state import OpenPromotion

SECOND = timedelta(seconds=1)


class Desk:
    """A registry with versions 1..n, all forced past the gate, and a promoter."""

    def __init__(self, database: Database, maker: Any) -> None:
        self.ledger = SqlLedger(database, SystemClock())
        self.servers = SqlServerDirectory(database, SystemClock())
        self.registry = Registry(self.ledger, maker.store)
        self.maker = maker
        self.promoter = self.another()

    def another(self, timeout_s: float = 10.0, **options: Any) -> Promoter:
        return Promoter(self.ledger, self.servers, SystemClock(), timeout_s=timeout_s, **options)

    def versions(self, count: int) -> list[str]:
        bundles = [self.maker.put(f"run_{number}", seed=number) for number in range(count)]
        for bundle in bundles:
            self.registry.register(bundle)
        return bundles

    @property
    def production(self) -> int:
        return self.registry.state().production

    def stage_of(self, number: int) -> Stage:
        return self.registry.state().version(number).stage


@pytest.fixture
def desk(database: Database, maker: Any) -> Desk:
    return Desk(database, maker)


def test_without_servers_a_promotion_completes_at_once(desk: Desk) -> None:
    desk.versions(2)
    first = desk.promoter.promote(1, force_reason="a test")
    assert (first.previous, first.servers, first.rollback) == (0, (), False)
    second = desk.promoter.promote(2, force_reason="a test")
    assert second.previous == 1
    assert second.generation > first.generation
    assert [desk.stage_of(1), desk.stage_of(2)] == [Stage.ARCHIVED, Stage.PRODUCTION]


def test_every_live_server_acknowledges_before_it_is_done(desk: Desk, follow: Any) -> None:
    bundles = desk.versions(2)
    followers = [follow("a"), follow("b")]
    for number in (1, 2):
        done = desk.promoter.promote(number, force_reason="a test")
        assert done.servers == ("a", "b")
        for follower in followers:
            assert follower.answers[-1] == (done.generation, bundles[number - 1])


def test_a_server_that_cannot_load_keeps_the_old_model(desk: Desk, follow: Any) -> None:
    good, bad = desk.versions(2)
    steady, fragile = follow("steady"), follow("fragile", {bad})
    desk.promoter.promote(1, force_reason="a test")
    with pytest.raises(Refused, match=r"version 1 stays.*Server fragile.*out of memory"):
        desk.promoter.promote(2, force_reason="a test")
    state = desk.registry.state()
    assert state.production == 1
    assert state.slots[Slot.PRODUCTION].bundle == good
    assert state.promotion is None
    assert desk.stage_of(2) is not Stage.PRODUCTION
    assert [type(e.event) for e in desk.ledger.read()[-2:]] == [SlotAssigned, PromotionReverted]
    # The server that had switched goes back; the other never left.
    again = desk.promoter
    with pytest.raises(Conflict, match="in production already"):
        again.promote(1, force_reason="a test")
    while steady.answers[-1][1] != good:
        steady.stopped.wait(0.005)
    assert bad not in {bundle for _, bundle in fragile.answers}


def test_a_first_promotion_that_fails_leaves_the_slot_empty(desk: Desk, follow: Any) -> None:
    (bad,) = desk.versions(1)
    follow("a", {bad})
    with pytest.raises(Refused, match="there is none"):
        desk.promoter.promote(1, force_reason="a test")
    assert Slot.PRODUCTION not in desk.registry.state().slots
    assert desk.production == 0


def test_a_silent_server_is_named_and_the_promotion_reverted(desk: Desk) -> None:
    desk.versions(2)
    desk.promoter.promote(1, force_reason="a test")
    desk.servers.announce("silent", {})
    with pytest.raises(Refused, match="Not acknowledged in time by: silent"):
        desk.another(0.3).promote(2, force_reason="a test")
    assert desk.production == 1


def test_a_server_that_dies_meanwhile_is_not_waited_for(maker: Any, database: Database) -> None:
    clock = ManualClock(SystemClock().now())
    ledger, servers = SqlLedger(database, clock), SqlServerDirectory(database, clock)
    registry = Registry(ledger, maker.store)
    registry.register(maker.put())
    servers.announce("dying", {})

    def wait(seconds: float) -> None:
        clock.advance(SECOND)

    done = Promoter(ledger, servers, clock, wait).promote(1, force_reason="a test")
    assert done.servers == ()
    assert registry.state().production == 1


def test_a_wrong_bundle_is_no_acknowledgement(desk: Desk) -> None:
    desk.versions(1)
    generation = desk.registry.state().generation + 1
    odd = Applied(generation=generation, bundle="sha256:other")
    desk.servers.announce("odd", {Slot.PRODUCTION: odd})
    with pytest.raises(Refused, match="Server odd answers with bundle sha256:other"):
        desk.promoter.promote(1, force_reason="a test")


def test_the_gate_stands_before_production_and_canary(desk: Desk) -> None:
    desk.versions(1)
    with pytest.raises(Refused, match="has not judged version 1"):
        desk.promoter.promote(1)
    with pytest.raises(Refused, match="has not judged version 1"):
        desk.promoter.assign(Slot.CANARY, 1, 0.1)
    assert desk.promoter.assign(Slot.SHADOW, 1).version == 1


def test_rollback_is_a_new_epoch_and_needs_no_verdict(desk: Desk, follow: Any) -> None:
    bundles = desk.versions(2)
    server = follow("a")
    desk.promoter.promote(1, force_reason="a test")
    before = desk.promoter.promote(2, force_reason="a test")
    back = desk.promoter.rollback(reason="it was worse")
    assert (back.version, back.previous, back.rollback) == (1, 2, True)
    assert back.generation > before.generation
    assert server.answers[-1] == (back.generation, bundles[0])
    assert desk.stage_of(2) is Stage.ARCHIVED
    with pytest.raises(Refused, match="no earlier"):
        desk.promoter.rollback()
    assert desk.promoter.rollback(to=2).version == 2


def test_staging_takes_the_slot_and_the_stage(desk: Desk, follow: Any) -> None:
    desk.versions(2)
    follow("a")
    desk.promoter.stage(1, metric="Loss")
    held = desk.promoter.stage(2)
    state = desk.registry.state()
    assert state.slots[Slot.STAGING] == held
    assert [desk.stage_of(1), desk.stage_of(2)] == [Stage.NONE, Stage.STAGING]
    desk.promoter.promote(2, force_reason="a test")
    assert Slot.STAGING not in desk.registry.state().slots, "it waits there no longer"


def test_a_slot_that_cannot_be_loaded_is_as_it_was(desk: Desk, follow: Any) -> None:
    _, bad = desk.versions(2)
    follow("a", {bad})
    desk.promoter.stage(1)
    with pytest.raises(Refused, match="not put into staging"):
        desk.promoter.stage(2)
    assert desk.registry.state().slots[Slot.STAGING].version == 1
    assert desk.stage_of(1) is Stage.STAGING
    with pytest.raises(Refused, match="not put into shadow"):
        desk.promoter.assign(Slot.SHADOW, 2)
    assert Slot.SHADOW not in desk.registry.state().slots


def test_a_canary_grows_and_is_cleared(desk: Desk, follow: Any) -> None:
    desk.versions(2)
    follow("a")
    desk.promoter.promote(1, force_reason="a test")
    desk.registry.override(2, "a demo")
    epochs = [desk.promoter.assign(Slot.CANARY, 2, share).generation for share in (0.1, 0.5, 1.0)]
    assert epochs == sorted(set(epochs))
    assert desk.registry.state().slots[Slot.CANARY].share == 1.0
    desk.promoter.clear(Slot.CANARY)
    desk.promoter.clear(Slot.CANARY)
    assert Slot.CANARY not in desk.registry.state().slots
    with pytest.raises(InvalidInput, match="share"):
        desk.promoter.assign(Slot.CANARY, 2, 0.0)
    with pytest.raises(InvalidInput, match="promoted"):
        desk.promoter.assign(Slot.PRODUCTION, 2)
    with pytest.raises(InvalidInput, match="emptied"):
        desk.promoter.clear(Slot.PRODUCTION)


@pytest.mark.parametrize("repetition", range(5))
def test_of_racing_promoters_one_wins(desk: Desk, follow: Any, repetition: int) -> None:
    """F16."""
    desk.versions(5)
    follow("a")
    desk.promoter.promote(5, force_reason="a test")
    generation = desk.registry.state().slots[Slot.PRODUCTION].generation
    start = threading.Barrier(4)
    outcomes: dict[int, str] = {}

    def race(number: int) -> None:
        promoter = desk.another()
        start.wait()
        try:
            promoter.promote(number, force_reason="a race", expected_generation=generation)
            outcomes[number] = "won"
        except Conflict:
            outcomes[number] = "conflict"

    threads = [threading.Thread(target=race, args=(number,)) for number in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == ["conflict"] * 3 + ["won"]
    (winner,) = (number for number, outcome in outcomes.items() if outcome == "won")
    assert desk.production == winner


class Died(BaseException):
    """Stands for a promoter that is gone in the middle of waiting."""


def dying(seconds: float) -> None:
    raise Died


def test_what_a_dead_promoter_left_open_is_finished(desk: Desk, follow: Any) -> None:
    desk.versions(2)
    desk.promoter.promote(1, force_reason="a test")
    desk.servers.announce("late", {})
    with pytest.raises(Died):
        desk.another(wait=dying).promote(2, force_reason="a test")
    assert desk.registry.state().promotion is not None
    with pytest.raises(Conflict, match="version 2 is under way"):
        desk.promoter.promote(2, force_reason="a test")
    desk.servers.forget("late")
    follow("a")
    recovered = desk.promoter.recover()
    assert recovered is not None
    assert recovered.version == 2
    assert recovered.servers == ("a",)
    assert desk.production == 2
    assert desk.promoter.recover() is None


def test_what_a_dead_promoter_left_open_is_reverted_when_time_is_up(desk: Desk) -> None:
    desk.versions(2)
    desk.promoter.promote(1, force_reason="a test")
    desk.servers.announce("silent", {})
    with pytest.raises(Died):
        desk.another(wait=dying).promote(2, force_reason="a test")
    with pytest.raises(Refused, match="silent"):
        desk.another(0.2).recover()
    assert desk.production == 1
    assert desk.registry.state().promotion is None


def test_a_stale_intent_gives_way_to_the_next_promoter(desk: Desk) -> None:
    desk.versions(3)
    desk.promoter.promote(1, force_reason="a test")
    desk.servers.announce("silent", {})
    with pytest.raises(Died):
        desk.another(wait=dying).promote(2, force_reason="a test")
    desk.servers.forget("silent")
    stale_after = 0.05
    threading.Event().wait(stale_after)
    assert desk.another(stale_after).promote(3, force_reason="a test").version == 3


def test_what_is_left_open_is_settled_once_the_servers_are_late(desk: Desk) -> None:
    desk.versions(2)
    desk.promoter.promote(1, force_reason="a test")
    desk.servers.announce("silent", {})
    with pytest.raises(Died):
        desk.another(wait=dying).promote(2, force_reason="a test")
    desk.another(60.0).settle_overdue()
    assert desk.registry.state().promotion is not None, "its promoter has until then"
    desk.another(0.0).settle_overdue()
    assert desk.registry.state().promotion is None
    assert desk.production == 1


def test_rollback_takes_back_what_a_dead_promoter_left_open(desk: Desk, follow: Any) -> None:
    """At once: nobody waits for a promoter that is gone, nor for its deadline."""
    bundles = desk.versions(3)
    server = follow("a")
    for number in (1, 2):
        desk.promoter.promote(number, force_reason="a test")
    with pytest.raises(Died):
        desk.another(wait=dying).promote(3, force_reason="a test")
    back = desk.promoter.rollback(reason="it answers nonsense")
    assert (back.version, back.previous, back.rollback, back.servers) == (2, 3, True, ("a",))
    assert server.answers[-1] == (back.generation, bundles[1])
    state = desk.registry.state()
    assert (state.production, state.promotion, state.served) == (2, None, (1, 2))


def test_a_promoter_whose_promotion_is_taken_back_is_refused(desk: Desk) -> None:
    desk.versions(2)
    desk.promoter.promote(1, force_reason="a test")
    desk.servers.announce("silent", {})

    def others_roll_back(seconds: float) -> None:
        desk.servers.forget("silent")
        desk.promoter.rollback(reason="not now")

    with pytest.raises(Refused, match=r"version 1 stays\. not now"):
        desk.another(wait=others_roll_back).promote(2, force_reason="a test")
    assert desk.production == 1


def test_rollback_past_an_open_promotion_and_never_back_to_it(desk: Desk) -> None:
    desk.versions(3)
    for number in (1, 2):
        desk.promoter.promote(number, force_reason="a test")
    desk.servers.announce("silent", {})
    with pytest.raises(Died):
        desk.another(wait=dying).promote(3, force_reason="a test")
    desk.servers.forget("silent")
    with pytest.raises(Refused, match="Version 3 was never in production"):
        desk.promoter.rollback(to=3)
    assert desk.registry.state().promotion is not None, "a mistake changes nothing"
    assert desk.promoter.rollback(to=1).version == 1
    desk.servers.announce("silent", {})
    with pytest.raises(Died):
        desk.another(wait=dying).rollback(to=2)
    desk.servers.forget("silent")
    assert desk.promoter.rollback().version == 2, "a rollback under way is brought to its end"


def test_a_rollback_goes_back_once_though_the_promotion_fails_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.versions(3)
    for number in (1, 2):
        desk.promoter.promote(number, force_reason="a test")
    desk.servers.announce("silent", {})
    with pytest.raises(Died):
        desk.another(wait=dying).promote(3, force_reason="a test")
    late = desk.another()
    take_back = late._take_back

    def after_others(opened: OpenPromotion, reason: str) -> Promotion | None:
        desk.another(0.0).settle_overdue()
        desk.servers.forget("silent")
        return take_back(opened, reason)

    monkeypatch.setattr(late, "_take_back", after_others)
    with pytest.raises(Refused, match="version 2 stays"):
        late.rollback()
    assert desk.production == 2


def test_promoter_and_recovery_find_one_outcome(desk: Desk) -> None:
    """The promoter lives after all: what recovery decided is what it reports."""
    desk.versions(2)
    desk.promoter.promote(1, force_reason="a test")
    desk.servers.announce("silent", {})
    recoveries: list[int] = []

    def others_recover(seconds: float) -> None:
        if not recoveries:
            recoveries.append(1)
            desk.servers.forget("silent")
            assert desk.promoter.recover() is not None
            desk.servers.announce("silent", {})

    promoted = desk.another(wait=others_recover).promote(2, force_reason="a test")
    assert promoted.version == 2
    assert desk.production == 2


class Mirror:
    """Keeps what it was shown; fails while `broken`."""

    def __init__(self) -> None:
        self.broken = True
        self.shown: list[Mapping[str, str]] = []

    def mirror(self, aliases: Mapping[str, str]) -> None:
        if self.broken:
            raise OSError("no route to the tracking server")
        self.shown.append(aliases)


def test_a_mirror_that_fails_stops_nothing_and_catches_up(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.versions(2)
    mirror = Mirror()
    promoter = desk.another(mirrors=[mirror])
    promoter.promote(1, force_reason="a test")
    assert desk.production == 1
    assert "no route" in caplog.text
    mirror.broken = False
    promoter.stage(2)
    assert mirror.shown == [{"production": "run_0", "staging": "run_1"}]
