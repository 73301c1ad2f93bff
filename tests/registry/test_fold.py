"""The fold and the stage rules, over every order of events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from retread.bundle import Cause
from retread.core import CheckResult, Conflict, Outcome, Refused, RetreadError, Verdict
from retread.registry import Entry, RegistryState, Stage, fold, periods, state_at
from retread.registry import promotion_rules as promotion
from retread.registry.events import (
    Event,
    GateJudged,
    GateOverridden,
    LedgerEvent,
    PromotionCompleted,
    Slot,
    SlotAssigned,
    SlotCleared,
    VersionArchived,
    VersionRegistered,
    VersionStaged,
    decode_event,
    encode_event,
)
from retread.registry.slot_rules import assignment, clearance
from retread.registry.stages import check_may_serve, check_stageable, choose_to_roll_back

START = datetime(2012, 1, 1, tzinfo=UTC)


def registered(number: int, **metrics: float) -> VersionRegistered:
    return VersionRegistered(
        version=number,
        bundle=f"sha256:{number:064x}",
        run_id=f"run_{number}",
        model_type="cnn",
        dataset="data",
        dataset_version=1,
        validation=metrics,
        metrics=metrics,
        cause=Cause(),
    )


def judged(number: int, production: int, outcome: Outcome = Outcome.PASS) -> GateJudged:
    check = CheckResult(check="test", outcome=outcome, reason="because")
    return GateJudged(
        version=number,
        production=production,
        evaluation_digest="sha256:e",
        verdict=Verdict(outcome=outcome, checks=(check,)),
    )


def entries_of(events: Sequence[Event]) -> list[Entry]:
    decoded: list[LedgerEvent] = [decode_event(encode_event(event)) for event in events]
    return [
        Entry(number, START + timedelta(seconds=number), event, "")
        for number, event in enumerate(decoded, start=1)
    ]


def assigned(number: int, generation: int, slot: Slot = Slot.PRODUCTION) -> SlotAssigned:
    return SlotAssigned(
        slot=slot, version=number, bundle=f"sha256:{number:064x}", generation=generation
    )


def completed(number: int, generation: int, previous: int = 0) -> PromotionCompleted:
    return PromotionCompleted(version=number, previous=previous, generation=generation, servers=())


class Registrations(RuleBasedStateMachine):
    """Whatever is asked for in whatever order: the rules keep their promises."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.generations: dict[Slot, int] = {}
        self.folded = (0, fold([]))

    @property
    def state(self) -> RegistryState:
        count, state = self.folded
        if count < len(self.events):
            state = fold(entries_of(self.events)[count:], state)
            self.folded = (len(self.events), state)
        return state

    def some_version(self, data: st.DataObject) -> int:
        return data.draw(st.integers(1, max(self.state.versions) + 1))

    @rule()
    def register(self) -> None:
        self.events.append(registered(len(self.state.versions) + 1))

    @precondition(lambda self: self.state.versions)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def judge(self, data: st.DataObject, outcome: Outcome) -> None:
        self.events.append(judged(self.some_version(data), self.state.production, outcome))

    @precondition(lambda self: self.state.versions)
    @rule(data=st.data())
    def override(self, data: st.DataObject) -> None:
        self.events.append(GateOverridden(version=self.some_version(data), reason="I say so"))

    @precondition(lambda self: self.state.versions)
    @rule(data=st.data())
    def stage(self, data: st.DataObject) -> None:
        number = self.some_version(data)
        try:
            check_stageable(self.state, number)
        except RetreadError:
            return
        self.events.append(VersionStaged(version=number))

    @precondition(lambda self: self.state.versions)
    @rule(data=st.data())
    def archive(self, data: st.DataObject) -> None:
        self.events.append(VersionArchived(version=self.some_version(data), reason="old"))

    @precondition(lambda self: self.state.versions)
    @rule(data=st.data(), rollback=st.booleans())
    def promote(self, data: st.DataObject, rollback: bool) -> None:
        state = self.state
        number = self.some_version(data)
        try:
            version = (
                choose_to_roll_back(state, None) if rollback else check_may_serve(state, number)
            )
            begun = promotion.intent(state, version, reason="", rollback=rollback)
        except RetreadError:
            return
        assert state.promotion is None
        assert begun.generation > state.generation
        self.events.append(begun)

    @precondition(lambda self: self.state.promotion)
    @rule(works=st.booleans())
    def settle(self, works: bool) -> None:
        state = self.state
        opened = state.promotion
        assert opened is not None
        if works:
            self.events.extend(promotion.completion(state, opened.generation, ("s",)))
            assert self.state.production == opened.version
        else:
            self.events.extend(promotion.reversion(state, opened.generation, "no"))
            assert self.state.production == opened.previous
        assert self.state.promotion is None

    @rule(generation=st.integers(0, 5), version=st.integers(1, 5), slot=st.sampled_from(Slot))
    def late_writes_arrive(self, generation: int, version: int, slot: Slot) -> None:
        """F15, F18: events of old epochs change nothing."""
        before = self.state
        old = max(before.slot_generations.get(slot, 0) - generation, 0)
        closed = before.promotion.generation - 1 if before.promotion else before.generation
        self.events.append(assigned(version, old, slot))
        self.events.append(SlotCleared(slot=slot, generation=old))
        self.events.append(completed(version, closed))
        assert self.state == before

    @precondition(lambda self: self.state.versions)
    @rule(
        data=st.data(), slot=st.sampled_from([Slot.CANARY, Slot.SHADOW, Slot.STAGING]),
        clears=st.booleans(),
    )  # fmt: skip
    def change_slot(self, data: st.DataObject, slot: Slot, clears: bool) -> None:
        number = self.some_version(data)
        try:
            changes = (
                clearance(self.state, slot, 0, "")
                if clears
                else (assignment(self.state, slot, number, 0.5, ""),)
            )
        except RetreadError:
            return
        self.events.extend(changes)

    @invariant()
    def stages_are_exclusive(self) -> None:
        state = self.state
        stages = [version.stage for version in state.versions.values()]
        assert stages.count(Stage.PRODUCTION) == (1 if state.production else 0)
        assert stages.count(Stage.STAGING) <= 1
        if state.production:
            assert state.versions[state.production].stage is Stage.PRODUCTION
            assert state.served[-1] == state.production

    @invariant()
    def production_is_old_or_new(self) -> None:
        state = self.state
        held = state.slots.get(Slot.PRODUCTION)
        version = held.version if held else 0
        expected = state.promotion.version if state.promotion else state.production
        assert version == expected

    @invariant()
    def epochs_only_grow(self) -> None:
        state = self.state
        for slot, generation in state.slot_generations.items():
            assert generation >= self.generations.get(slot, 0)
        self.generations = dict(state.slot_generations)
        assert state.generation == max(state.slot_generations.values(), default=0)
        assert len(set(state.slot_generations.values())) == len(state.slot_generations)

    @invariant()
    def folding_in_parts_is_folding(self) -> None:
        entries = entries_of(self.events)
        half = len(entries) // 2
        assert fold(entries[half:], fold(entries[:half])) == fold(entries)

    @invariant()
    def who_served_agrees_with_the_slots(self) -> None:
        entries = entries_of(self.events)
        open_now = {p.slot: p.version for p in periods(entries) if p.until is None}
        assert open_now == {slot: held.version for slot, held in self.state.slots.items()}


Registrations.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestRegistrations = Registrations.TestCase


def promoted_twice() -> list[Event]:
    return [
        registered(1),
        judged(1, 0),
        assigned(1, 1),
        completed(1, 1),
        registered(2),
        judged(2, 1),
        assigned(2, 2),
        completed(2, 2, previous=1),
    ]


changes = st.lists(
    st.builds(
        SlotAssigned,
        slot=st.sampled_from(Slot),
        version=st.integers(1, 9),
        bundle=st.just("sha256:b"),
        generation=st.integers(1, 50),
        share=st.floats(0, 1),
    )
    | st.builds(SlotCleared, slot=st.sampled_from(Slot), generation=st.integers(1, 50)),
    unique_by=lambda event: event.generation,
)


@given(changes, st.randoms(use_true_random=False))
def test_slots_do_not_depend_on_the_order_of_their_events(
    found: list[SlotAssigned | SlotCleared], chance: Random
) -> None:
    shuffled: list[SlotAssigned | SlotCleared] = list(found)
    chance.shuffle(shuffled)
    state = fold(entries_of(shuffled))
    assert state.latest == fold(entries_of(found)).latest
    assert state.latest == fold(entries_of(shuffled), state).latest
    assert state.slots == {slot: held for slot, held in state.latest.items() if held.bundle}
    newest = {event.slot: event.generation for event in sorted(found, key=lambda e: e.generation)}
    assert {slot: held.generation for slot, held in state.latest.items()} == newest


def test_history_at_a_time_is_the_state_then() -> None:
    entries = entries_of(promoted_twice())
    assert state_at(entries, START).production == 0
    assert state_at(entries, entries[3].at).production == 1
    assert state_at(entries, entries[6].at).production == 1
    assert state_at(entries, entries[6].at).promotion is not None
    assert state_at(entries, START + timedelta(days=1)) == fold(entries)


def test_a_clock_that_jumped_does_not_tear_history_apart() -> None:
    entries = entries_of(promoted_twice())
    entries[0] = Entry(1, START + timedelta(hours=1), entries[0].event, "")
    assert state_at(entries, entries[3].at).production == 1


def test_rollback_goes_back_step_by_step() -> None:
    events = [*promoted_twice(), registered(3), judged(3, 2), assigned(3, 3), completed(3, 3, 2)]
    state = fold(entries_of(events))
    assert state.served == (1, 2, 3)
    assert choose_to_roll_back(state, None).version == 2
    back = SlotAssigned(
        slot=Slot.PRODUCTION, version=2, bundle=f"sha256:{2:064x}", generation=4, rollback=True
    )
    done = PromotionCompleted(version=2, previous=3, generation=4, servers=(), rollback=True)
    again = fold(entries_of([*events, back, done]))
    assert again.served == (1, 2)
    assert choose_to_roll_back(again, None).version == 1
    assert choose_to_roll_back(again, 3).version == 3, "named outright, what served may again"


def test_rollback_goes_back_to_the_last_time_a_version_served() -> None:
    """1, 2, 1, 3: back from 3 is the second time of 1, and back from there is 2."""
    events: list[Event] = [registered(number) for number in (1, 2, 3)]
    for generation, number in enumerate((1, 2, 1, 3), start=1):
        events += [assigned(number, generation), completed(number, generation)]
    back = SlotAssigned(
        slot=Slot.PRODUCTION, version=1, bundle=f"sha256:{1:064x}", generation=5, rollback=True
    )
    done = PromotionCompleted(version=1, previous=3, generation=5, servers=(), rollback=True)
    state = fold(entries_of([*events, back, done]))
    assert state.served == (1, 2, 1)
    assert choose_to_roll_back(state, None).version == 2


def test_whoever_leaves_the_slot_staging_leaves_the_stage() -> None:
    staged = [registered(1), assigned(1, 1, Slot.STAGING), VersionStaged(version=1)]
    assert fold(entries_of(staged)).version(1).stage is Stage.STAGING
    cleared = SlotCleared(slot=Slot.STAGING, generation=2)
    assert fold(entries_of([*staged, cleared])).version(1).stage is Stage.NONE


def test_a_new_production_ends_whatever_canary_there_is() -> None:
    """It was judged beside a production that is no more."""
    versions = [registered(number) for number in (1, 2, 3)]
    state = fold(entries_of([*versions, assigned(2, 1, Slot.CANARY), assigned(3, 2)]))
    events = promotion.completion(state, 2, ())
    assert [type(event) for event in events] == [PromotionCompleted, SlotCleared]
    after = fold(entries_of([*versions, assigned(2, 1, Slot.CANARY), assigned(3, 2), *events]))
    assert set(after.slots) == {Slot.PRODUCTION}


def test_only_the_holder_is_cleared() -> None:
    state = fold(entries_of([registered(1), registered(2), assigned(2, 1, Slot.CANARY)]))
    assert clearance(state, Slot.CANARY, 1, "") == ()
    assert (
        len(clearance(state, Slot.CANARY, 2, "")) == len(clearance(state, Slot.CANARY, 0, "")) == 1
    )


def test_rollback_only_to_what_served() -> None:
    state = fold(entries_of([*promoted_twice(), registered(3)]))
    with pytest.raises(Refused, match="never in production"):
        choose_to_roll_back(state, 3)
    with pytest.raises(Refused, match="no earlier"):
        choose_to_roll_back(fold(entries_of(promoted_twice()[:4])), None)


def test_only_one_promotion_at_a_time_and_only_from_what_was_seen() -> None:
    state = fold(entries_of(promoted_twice()[:7]))
    with pytest.raises(Conflict, match="under way"):
        promotion.intent(state, state.version(1), reason="", rollback=False)
    settled = fold(entries_of(promoted_twice()))
    with pytest.raises(Conflict, match="generation is 2, not 1"):
        promotion.check_free(settled, expected_generation=1)
    promotion.check_free(settled, expected_generation=2)
    with pytest.raises(Conflict, match="in production already"):
        promotion.intent(settled, settled.version(2), reason="", rollback=False)
