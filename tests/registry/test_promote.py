"""Promotion is a transaction over servers that follow the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from tests.registry.harness import BundleMaker, FakeServers, RegistryHarness

from retread.core import (
    Conflict,
    Database,
    InvalidInput,
    ManualClock,
    Refused,
    SystemClock,
)
from retread.registry import (
    Applied,
    Decide,
    Entry,
    Ledger,
    Promoter,
    Registry,
    SqlLedger,
    SqlServerDirectory,
    Stage,
)
from retread.registry.events import Event, PromotionReverted, Slot, SlotAssigned

SECOND = timedelta(seconds=1)


def test_without_servers_a_promotion_completes_at_once(harness: RegistryHarness) -> None:
    harness.register(2)
    first = harness.promoter.promote(1, force_reason="a test")
    assert (first.previous, first.servers, first.rollback) == (None, (), False)
    second = harness.promoter.promote(2, force_reason="a test")
    assert second.previous == 1
    assert second.generation > first.generation
    assert [harness.stage_of(1), harness.stage_of(2)] == [Stage.ARCHIVED, Stage.PRODUCTION]


def test_a_promotion_ends_after_every_live_server_has_acknowledged(
    harness: RegistryHarness, fake_servers: FakeServers
) -> None:
    bundles = harness.register(2)
    servers = [fake_servers.start("a"), fake_servers.start("b")]
    for number in (1, 2):
        done = harness.promoter.promote(number, force_reason="a test")
        assert done.servers == ("a", "b")
        for server in servers:
            assert server.served[-1] == (done.generation, bundles[number - 1])


def test_a_server_that_cannot_load_keeps_the_old_model(
    harness: RegistryHarness, fake_servers: FakeServers
) -> None:
    good, bad = harness.register(2)
    steady, fragile = fake_servers.start("steady"), fake_servers.start("fragile", {bad})
    harness.promoter.promote(1, force_reason="a test")
    with pytest.raises(Refused, match=r"version 1 stays.*Server fragile.*out of memory"):
        harness.promoter.promote(2, force_reason="a test")
    state = harness.registry.state()
    assert state.production == 1
    assert state.slots[Slot.PRODUCTION].bundle == good
    assert state.promotion is None
    assert harness.stage_of(2) is not Stage.PRODUCTION
    assert [type(e.event) for e in harness.ledger.read()[-2:]] == [SlotAssigned, PromotionReverted]
    # The server that had switched goes back; the other never left.
    again = harness.promoter
    with pytest.raises(Conflict, match="already in production"):
        again.promote(1, force_reason="a test")
    while steady.served[-1][1] != good:
        steady.stopped.wait(0.005)
    assert bad not in {bundle for _, bundle in fragile.served}


def test_a_first_promotion_that_fails_leaves_the_slot_empty(
    harness: RegistryHarness, fake_servers: FakeServers
) -> None:
    (bad,) = harness.register(1)
    fake_servers.start("a", {bad})
    with pytest.raises(Refused, match="production stays empty"):
        harness.promoter.promote(1, force_reason="a test")
    assert Slot.PRODUCTION not in harness.registry.state().slots
    assert harness.production is None


def test_a_silent_server_is_named_and_the_promotion_is_reverted(harness: RegistryHarness) -> None:
    harness.register(2)
    harness.promoter.promote(1, force_reason="a test")
    harness.servers.announce("silent", {})
    with pytest.raises(Refused, match="Not acknowledged in time by: silent"):
        harness.new_promoter(0.3).promote(2, force_reason="a test")
    assert harness.production == 1


def test_a_server_that_dies_meanwhile_is_not_waited_for(
    maker: BundleMaker, database: Database
) -> None:
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


def test_a_wrong_bundle_is_not_an_acknowledgement(harness: RegistryHarness) -> None:
    harness.register(1)
    generation = harness.registry.state().generation + 1
    wrong = Applied(generation=generation, bundle="sha256:other")
    harness.servers.announce("odd", {Slot.PRODUCTION: wrong})
    with pytest.raises(Refused, match="Server odd serves bundle sha256:other"):
        harness.promoter.promote(1, force_reason="a test")


def test_production_and_canary_need_a_gate_verdict(harness: RegistryHarness) -> None:
    harness.register(1)
    with pytest.raises(Refused, match="has not judged version 1"):
        harness.promoter.promote(1)
    with pytest.raises(Refused, match="has not judged version 1"):
        harness.promoter.assign(Slot.CANARY, 1, 0.1)
    assert harness.promoter.assign(Slot.SHADOW, 1).version == 1


def test_rollback_is_a_new_epoch_and_needs_no_verdict(
    harness: RegistryHarness, fake_servers: FakeServers
) -> None:
    bundles = harness.register(2)
    server = fake_servers.start("a")
    harness.promoter.promote(1, force_reason="a test")
    before = harness.promoter.promote(2, force_reason="a test")
    back = harness.promoter.rollback(reason="it was worse")
    assert (back.version, back.previous, back.rollback) == (1, 2, True)
    assert back.generation > before.generation
    assert server.served[-1] == (back.generation, bundles[0])
    assert harness.stage_of(2) is Stage.ARCHIVED
    with pytest.raises(Refused, match="no earlier"):
        harness.promoter.rollback()
    assert harness.promoter.rollback(to=2).version == 2


def test_staging_takes_the_slot_and_the_stage(
    harness: RegistryHarness, fake_servers: FakeServers
) -> None:
    harness.register(2)
    fake_servers.start("a")
    harness.promoter.stage(1, metric="Loss")
    held = harness.promoter.stage(2)
    state = harness.registry.state()
    assert state.slots[Slot.STAGING] == held
    assert [harness.stage_of(1), harness.stage_of(2)] == [Stage.NONE, Stage.STAGING]
    harness.promoter.promote(2, force_reason="a test")
    assert Slot.STAGING not in harness.registry.state().slots, (
        "it leaves the slot when it is promoted"
    )


def test_a_slot_whose_version_cannot_be_loaded_is_restored(
    harness: RegistryHarness, fake_servers: FakeServers
) -> None:
    _, bad = harness.register(2)
    fake_servers.start("a", {bad})
    harness.promoter.stage(1)
    with pytest.raises(Refused, match="not assigned to staging"):
        harness.promoter.stage(2)
    assert harness.registry.state().slots[Slot.STAGING].version == 1
    assert harness.stage_of(1) is Stage.STAGING
    with pytest.raises(Refused, match="not assigned to shadow"):
        harness.promoter.assign(Slot.SHADOW, 2)
    assert Slot.SHADOW not in harness.registry.state().slots


def test_a_canary_grows_and_is_cleared(harness: RegistryHarness, fake_servers: FakeServers) -> None:
    harness.register(2)
    fake_servers.start("a")
    harness.promoter.promote(1, force_reason="a test")
    harness.registry.override(2, "a demo")
    generations = [
        harness.promoter.assign(Slot.CANARY, 2, share).generation for share in (0.1, 0.5, 1.0)
    ]
    assert generations == sorted(set(generations))
    assert harness.registry.state().slots[Slot.CANARY].share == 1.0
    harness.promoter.clear(Slot.CANARY)
    harness.promoter.clear(Slot.CANARY)
    assert Slot.CANARY not in harness.registry.state().slots
    with pytest.raises(InvalidInput, match="share"):
        harness.promoter.assign(Slot.CANARY, 2, 0.0)
    with pytest.raises(InvalidInput, match="cannot be assigned"):
        harness.promoter.assign(Slot.PRODUCTION, 2)
    with pytest.raises(InvalidInput, match="cannot be cleared"):
        harness.promoter.clear(Slot.PRODUCTION)


@pytest.mark.parametrize("repetition", range(5))
def test_of_racing_promoters_one_wins(
    harness: RegistryHarness, fake_servers: FakeServers, repetition: int
) -> None:
    """Several promoters start at the same time from the same generation."""
    harness.register(5)
    fake_servers.start("a")
    harness.promoter.promote(5, force_reason="a test")
    generation = harness.registry.state().slots[Slot.PRODUCTION].generation
    start = threading.Barrier(4)
    outcomes: dict[int, str] = {}

    def race(number: int) -> None:
        promoter = harness.new_promoter()
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
    assert harness.production == winner


class Died(BaseException):
    """Stands for a promoter that dies while it waits."""


def dying(seconds: float) -> None:
    raise Died


class InterruptedLedger:
    """A ledger on which others act just before its first transaction."""

    def __init__(self, ledger: Ledger, others: Callable[[], None]) -> None:
        self._ledger = ledger
        self._others: Callable[[], None] | None = others

    def append(self, *events: Event) -> tuple[Entry, ...]:
        return self.transact(lambda _: events)

    def transact(self, decide: Decide) -> tuple[Entry, ...]:
        others, self._others = self._others, None
        if others:
            others()
        return self._ledger.transact(decide)

    def read(self, *, after: int = 0) -> tuple[Entry, ...]:
        return self._ledger.read(after=after)

    def verify(self) -> int:
        return self._ledger.verify()


def test_a_promotion_whose_promoter_died_is_completed(
    harness: RegistryHarness, fake_servers: FakeServers
) -> None:
    harness.register(2)
    harness.promoter.promote(1, force_reason="a test")
    harness.servers.announce("late", {})
    with pytest.raises(Died):
        harness.new_promoter(wait=dying).promote(2, force_reason="a test")
    assert harness.registry.state().promotion is not None
    with pytest.raises(Conflict, match="version 2 is in progress"):
        harness.promoter.promote(2, force_reason="a test")
    harness.servers.forget("late")
    fake_servers.start("a")
    recovered = harness.promoter.recover()
    assert recovered is not None
    assert recovered.version == 2
    assert recovered.servers == ("a",)
    assert harness.production == 2
    assert harness.promoter.recover() is None


def test_a_promotion_whose_promoter_died_is_reverted_after_the_timeout(
    harness: RegistryHarness,
) -> None:
    harness.register(2)
    harness.promoter.promote(1, force_reason="a test")
    harness.servers.announce("silent", {})
    with pytest.raises(Died):
        harness.new_promoter(wait=dying).promote(2, force_reason="a test")
    with pytest.raises(Refused, match="silent"):
        harness.new_promoter(0.2).recover()
    assert harness.production == 1
    assert harness.registry.state().promotion is None


def test_an_overdue_promotion_gives_way_to_the_next_one(harness: RegistryHarness) -> None:
    harness.register(3)
    harness.promoter.promote(1, force_reason="a test")
    harness.servers.announce("silent", {})
    with pytest.raises(Died):
        harness.new_promoter(wait=dying).promote(2, force_reason="a test")
    harness.servers.forget("silent")
    stale_after = 0.05
    threading.Event().wait(stale_after)
    assert harness.new_promoter(stale_after).promote(3, force_reason="a test").version == 3


def test_an_open_promotion_is_settled_once_the_servers_are_late(harness: RegistryHarness) -> None:
    harness.register(2)
    harness.promoter.promote(1, force_reason="a test")
    harness.servers.announce("silent", {})
    with pytest.raises(Died):
        harness.new_promoter(wait=dying).promote(2, force_reason="a test")
    harness.new_promoter(60.0).settle_overdue()
    assert harness.registry.state().promotion is not None, "its promoter has until then"
    harness.new_promoter(0.0).settle_overdue()
    assert harness.registry.state().promotion is None
    assert harness.production == 1


def test_rollback_reverts_a_promotion_whose_promoter_died(
    harness: RegistryHarness, fake_servers: FakeServers
) -> None:
    """It waits neither for the promoter nor for its deadline."""
    bundles = harness.register(3)
    server = fake_servers.start("a")
    for number in (1, 2):
        harness.promoter.promote(number, force_reason="a test")
    with pytest.raises(Died):
        harness.new_promoter(wait=dying).promote(3, force_reason="a test")
    back = harness.promoter.rollback(reason="it predicts nonsense")
    assert (back.version, back.previous, back.rollback, back.servers) == (2, 3, True, ("a",))
    assert server.served[-1] == (back.generation, bundles[1])
    state = harness.registry.state()
    assert (state.production, state.promotion, state.served) == (2, None, (1, 2))


def test_a_promoter_whose_promotion_is_rolled_back_is_refused(harness: RegistryHarness) -> None:
    harness.register(2)
    harness.promoter.promote(1, force_reason="a test")
    harness.servers.announce("silent", {})

    def others_roll_back(seconds: float) -> None:
        harness.servers.forget("silent")
        harness.promoter.rollback(reason="not now")

    with pytest.raises(Refused, match=r"version 1 stays\. not now"):
        harness.new_promoter(wait=others_roll_back).promote(2, force_reason="a test")
    assert harness.production == 1


def test_rollback_skips_an_open_promotion_and_never_goes_back_to_it(
    harness: RegistryHarness,
) -> None:
    harness.register(3)
    for number in (1, 2):
        harness.promoter.promote(number, force_reason="a test")
    harness.servers.announce("silent", {})
    with pytest.raises(Died):
        harness.new_promoter(wait=dying).promote(3, force_reason="a test")
    harness.servers.forget("silent")
    with pytest.raises(Refused, match="Version 3 was never in production"):
        harness.promoter.rollback(to=3)
    assert harness.registry.state().promotion is not None, "a refused rollback changes nothing"
    assert harness.promoter.rollback(to=1).version == 1
    harness.servers.announce("silent", {})
    with pytest.raises(Died):
        harness.new_promoter(wait=dying).rollback(to=2)
    harness.servers.forget("silent")
    assert harness.promoter.rollback().version == 2, "a rollback in progress is completed"


def test_a_rollback_goes_back_once_though_the_promotion_fails_meanwhile(
    harness: RegistryHarness,
) -> None:
    harness.register(3)
    for number in (1, 2):
        harness.promoter.promote(number, force_reason="a test")
    harness.servers.announce("silent", {})
    with pytest.raises(Died):
        harness.new_promoter(wait=dying).promote(3, force_reason="a test")

    def others_settle() -> None:
        harness.new_promoter(0.0).settle_overdue()
        harness.servers.forget("silent")

    late = harness.new_promoter(ledger=InterruptedLedger(harness.ledger, others_settle))
    with pytest.raises(Refused, match="version 2 stays"):
        late.rollback()
    assert harness.production == 2


def test_promoter_and_recovery_find_the_same_outcome(harness: RegistryHarness) -> None:
    """The promoter is still alive: it reports the outcome that the recovery decided on."""
    harness.register(2)
    harness.promoter.promote(1, force_reason="a test")
    harness.servers.announce("silent", {})
    recoveries: list[int] = []

    def others_recover(seconds: float) -> None:
        if not recoveries:
            recoveries.append(1)
            harness.servers.forget("silent")
            assert harness.promoter.recover() is not None
            harness.servers.announce("silent", {})

    promoted = harness.new_promoter(wait=others_recover).promote(2, force_reason="a test")
    assert promoted.version == 2
    assert harness.production == 2


class RecordingMirror:
    """Keeps the aliases it gets; fails while `broken`."""

    def __init__(self) -> None:
        self.broken = True
        self.shown: list[Mapping[str, tuple[str, int]]] = []

    def mirror(self, aliases: Mapping[str, tuple[str, int]]) -> None:
        if self.broken:
            raise OSError("no route to the tracking server")
        self.shown.append(aliases)


def test_a_mirror_that_fails_delays_nothing_and_catches_up(
    harness: RegistryHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.register(2)
    mirror = RecordingMirror()
    promoter = harness.new_promoter(mirrors=[mirror])
    promoter.promote(1, force_reason="a test")
    assert harness.production == 1
    assert "no route" in caplog.text
    mirror.broken = False
    promoter.stage(2)
    assert mirror.shown == [{"production": ("run_0", 1), "staging": ("run_1", 2)}]
