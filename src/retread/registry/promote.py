"""The promotion protocol: intent, acknowledgements of every live server, completion or return."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from msgspec.structs import replace

from retread.core import Clock, Conflict, InvalidInput, Refused
from retread.registry import promotion_rules as rules
from retread.registry.acknowledge import Acknowledgement
from retread.registry.await_servers import Change, Wait, await_servers
from retread.registry.events import (
    Event,
    GateOverridden,
    PromotionReverted,
    Slot,
    SlotAssigned,
    SlotCleared,
    VersionStaged,
)
from retread.registry.ledger import Decide, Entry, Ledger
from retread.registry.mirror import AliasMirror, show
from retread.registry.projection import Projection
from retread.registry.promotion import SERVER_HINT, Promotion, result
from retread.registry.servers import ServerDirectory
from retread.registry.slot_rules import assignment, clearance, restoration
from retread.registry.stages import check_may_serve, check_stageable, choose_to_roll_back
from retread.registry.state import OpenPromotion, RegistryState, SlotState
from retread.registry.versions import Override

TIMEOUT_S = 30.0

log = logging.getLogger(__name__)


class Promoter:
    """Moves versions into slots, and waits until every live server follows.

    Any number of promoters may work at once: the ledger decides which of them wins. `wait` sleeps;
    `timeout_s` is how long servers may take.
    """

    def __init__(
        self,
        ledger: Ledger,
        servers: ServerDirectory,
        clock: Clock,
        wait: Wait = time.sleep,
        *,
        timeout_s: float = TIMEOUT_S,
        mirrors: Sequence[AliasMirror] = (),
    ) -> None:
        self._ledger = ledger
        self._servers = servers
        self._clock = clock
        self._wait = wait
        self._timeout_s = timeout_s
        self._mirrors = tuple(mirrors)
        self._projection = Projection()

    def promote(
        self,
        number: int,
        *,
        reason: str = "",
        force_reason: str = "",
        expected_generation: int | None = None,
    ) -> Promotion:
        """Put a version into production; its gate verdict must stand, or `force_reason` say why
        it need not.

        Raises NotFound, Refused (by the gate, or by a server that could not load it: production is
        as before then), and Conflict when somebody else was first.
        """

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            state = self._projection.of(entries)
            rules.check_free(state, expected_generation)
            version = check_may_serve(_forced(state, number, force_reason), number)
            begun = rules.intent(state, version, reason=reason, rollback=False)
            overridden = GateOverridden(version=number, reason=force_reason)
            return (overridden, begun) if force_reason else (begun,)

        return self._promote(decide)

    def rollback(self, to: int | None = None, *, reason: str = "") -> Promotion:
        """Put an earlier production version back, or the one named; Refused, NotFound, Conflict.

        Nothing is waited for: a promotion that is under way is taken back, whoever began it, and
        its promoter is refused. A rollback that is under way is brought to its end.
        """
        state = self._state()
        opened = state.promotion
        if to is not None:
            choose_to_roll_back(state, to)
        if opened is not None and opened.rollback and to in (None, opened.version):
            return self._settle(opened)
        if opened is not None and opened.previous:
            back = self._take_back(opened, reason or "It was rolled back by hand.")
            if back is not None and to in (None, back.version):
                return back
            outcome = rules.outcome_of(self._ledger.read(), opened.generation)
            if back is None and to is None and isinstance(outcome, PromotionReverted):
                # It failed by itself meanwhile: the version before serves, and is not left.
                return result(opened, outcome)

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            state = self._projection.of(entries)
            rules.check_free(state)
            version = choose_to_roll_back(state, to)
            return (rules.intent(state, version, reason=reason, rollback=True),)

        return self._promote(decide)

    def recover(self) -> Promotion | None:
        """Finish or revert a promotion whose promoter died; None when none is open.

        Raises Refused when it was reverted. Safe while its promoter lives: both find one outcome.
        """
        opened = self._state().promotion
        return None if opened is None else self._settle(opened)

    def settle_overdue(self) -> None:
        """As `recover`, once the servers are late; whoever promotes has until then."""
        opened = self._state().promotion
        if opened is None or self._remaining_s(opened) > 0:
            return
        try:
            self._settle(opened)
        except (Refused, Conflict) as error:
            log.warning("The promotion that was left open ended: %s", error)

    def stage(self, number: int, *, metric: str = "") -> SlotState:
        """Put a version into the slot staging and then into stage Staging."""
        check_stageable(self._state(), number)
        held = self.assign(Slot.STAGING, number, reason="staged")

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            state = self._projection.of(entries)
            check_stageable(state, number)
            if state.slots.get(Slot.STAGING) != held:
                raise Conflict("Another version was staged meanwhile.", "Look: retread production")
            return (VersionStaged(version=number, metric=metric),)

        self._ledger.transact(decide)
        show(self._state(), self._mirrors)
        return held

    def assign(self, slot: Slot, number: int, share: float = 1.0, *, reason: str = "") -> SlotState:
        """Put a version into canary, shadow or staging; Refused when a server cannot load it.

        The slot is then as it was before. A canary needs a gate verdict, as production does.
        """
        if slot is Slot.PRODUCTION:
            raise InvalidInput("Production is not assigned but promoted.", "Call promote().")
        before: list[SlotState | None] = []

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            state = self._projection.of(entries)
            before[:] = [state.slots.get(slot)]
            return (assignment(state, slot, number, share, reason),)

        added = self._ledger.transact(decide)[-1]
        return self._follow_or_restore(added, before[0])

    def clear(self, slot: Slot, *, holder: int = 0, reason: str = "") -> None:
        """Empty canary, shadow or staging; nothing happens if it is empty, or if another version
        than `holder` (0: any) holds it."""
        if slot is Slot.PRODUCTION:
            raise InvalidInput("Production cannot be emptied.", "Call rollback().")
        added = self._ledger.transact(
            lambda entries: clearance(self._projection.of(entries), slot, holder, reason)
        )
        for entry in added:
            if isinstance(entry.event, SlotCleared):
                self._follow(Change(slot, entry.event.generation, ""), after=entry.sequence)

    def _state(self) -> RegistryState:
        return self._projection.of(self._ledger.read())

    def _promote(self, decide: Decide) -> Promotion:
        self.settle_overdue()
        begun = self._ledger.transact(decide)[-1].sequence
        opened = self._projection.of(self._ledger.read()[:begun]).promotion
        assert opened is not None, "an intent opens a promotion"
        return self._settle(opened)

    def _take_back(self, opened: OpenPromotion, reason: str) -> Promotion | None:
        """Give production back to the version before; None if the promotion ended meanwhile."""
        added = self._ledger.transact(
            lambda entries: rules.reversion(self._projection.of(entries), opened.generation, reason)
        )
        if not added:
            return None
        given = added[0].event
        assert isinstance(given, SlotAssigned), "there was a version before"
        change = Change(given.slot, given.generation, given.bundle)
        answer = self._follow(change, after=added[0].sequence)
        if answer.failure:
            log.warning("Version %d is in production again. %s", given.version, answer.failure)
        show(self._state(), self._mirrors)
        return Promotion(
            version=given.version,
            previous=opened.version,
            generation=given.generation,
            servers=answer.done,
            rollback=True,
        )

    def _settle(self, opened: OpenPromotion) -> Promotion:
        """Bring an open promotion to its end, whoever began it."""
        change = Change(Slot.PRODUCTION, opened.generation, opened.bundle)
        answer = self._follow(change, after=0, timeout_s=self._remaining_s(opened))

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            state = self._projection.of(entries)
            if answer.failure:
                return rules.reversion(state, opened.generation, answer.failure)
            return rules.completion(state, opened.generation, answer.done)

        self._ledger.transact(decide)
        entries = self._ledger.read()
        show(self._projection.of(entries), self._mirrors)
        return result(opened, rules.outcome_of(entries, opened.generation))

    def _follow_or_restore(self, added: Entry, before: SlotState | None) -> SlotState:
        event = added.event
        assert isinstance(event, SlotAssigned)
        change = Change(event.slot, event.generation, event.bundle)
        answer = self._follow(change, after=added.sequence)
        if not answer.failure:
            return SlotState(
                version=event.version,
                bundle=event.bundle,
                generation=event.generation,
                share=event.share,
            )

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            return restoration(
                self._projection.of(entries), event.slot, event.generation, before, answer.failure
            )

        self._ledger.transact(decide)
        raise Refused(
            f"Version {event.version} was not put into {event.slot}. {answer.failure}", SERVER_HINT
        )

    def _follow(
        self, change: Change, *, after: int, timeout_s: float | None = None
    ) -> Acknowledgement:
        def superseded() -> bool:
            return rules.is_over(self._ledger.read(after=after), change.slot, change.generation)

        seconds = self._timeout_s if timeout_s is None else timeout_s
        return await_servers(change, self._servers, self._clock, self._wait, seconds, superseded)

    def _remaining_s(self, opened: OpenPromotion) -> float:
        return rules.remaining_s(opened, self._clock.now(), self._timeout_s)


def _forced(state: RegistryState, number: int, reason: str) -> RegistryState:
    """The state as it will be once the override is recorded."""
    if not reason:
        return state
    override = Override(production=state.production, reason=reason)
    version = replace(state.version(number), override=override)
    return replace(state, versions={**state.versions, number: version})
