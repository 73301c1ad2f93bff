"""The promotion protocol: intent, acknowledgements of every live server, completion or return."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from retread.core import Clock, Conflict, InvalidInput, Refused
from retread.registry import promotion_rules as rules
from retread.registry.acknowledge import Acknowledgement
from retread.registry.await_servers import Change, Wait, await_servers
from retread.registry.events import (
    Event,
    GateOverridden,
    PromotionCompleted,
    PromotionReverted,
    Slot,
    SlotAssigned,
    SlotCleared,
    VersionStaged,
)
from retread.registry.ledger import Decide, Entry, Ledger
from retread.registry.mirror import AliasMirror, show
from retread.registry.projection import Projection
from retread.registry.servers import ServerDirectory
from retread.registry.slot_rules import assignment, clearance, restoration
from retread.registry.stages import check_may_serve, check_stageable, choose_to_roll_back
from retread.registry.state import OpenPromotion, RegistryState, SlotState
from retread.registry.versions import Override

TIMEOUT_S = 30.0
SERVER_HINT = "See the server's log, and try again."

log = logging.getLogger(__name__)


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A completed promotion; `servers` acknowledged it, `previous` (0: none) is archived."""

    version: int
    previous: int
    epoch: int
    servers: tuple[str, ...]
    rollback: bool


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
        expected_epoch: int | None = None,
    ) -> Promotion:
        """Put a version into production; its gate verdict must stand, or `force_reason` say why
        it need not.

        Raises NotFound, Refused (by the gate, or by a server that could not load it: production is
        as before then), and Conflict when somebody else was first.
        """

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            state = self._projection.of(entries)
            rules.check_free(state, expected_epoch)
            version = check_may_serve(_forced(state, number, force_reason), number)
            begun = rules.intent(state, version, reason=reason, rollback=False)
            overridden = GateOverridden(version=number, reason=force_reason)
            return (overridden, begun) if force_reason else (begun,)

        return self._promote(decide)

    def rollback(self, to: int | None = None, *, reason: str = "") -> Promotion:
        """Put an earlier production version back, or the one named; Refused, NotFound, Conflict."""

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

    def clear(self, slot: Slot, *, reason: str = "") -> None:
        """Empty canary, shadow or staging; nothing happens if it is empty."""
        if slot is Slot.PRODUCTION:
            raise InvalidInput("Production cannot be emptied.", "Call rollback().")
        added = self._ledger.transact(
            lambda entries: clearance(self._projection.of(entries), slot, reason)
        )
        for entry in added:
            if isinstance(entry.event, SlotCleared):
                self._follow(Change(slot, entry.event.epoch, ""), after=entry.sequence)

    def _state(self) -> RegistryState:
        return self._projection.of(self._ledger.read())

    def _promote(self, decide: Decide) -> Promotion:
        stale = self._state().promotion
        if stale is not None and self._remaining_s(stale) == 0:
            self._settle_quietly(stale)
        begun = self._ledger.transact(decide)[-1].sequence
        opened = self._projection.of(self._ledger.read()[:begun]).promotion
        assert opened is not None, "an intent opens a promotion"
        return self._settle(opened)

    def _settle_quietly(self, opened: OpenPromotion) -> None:
        try:
            self._settle(opened)
        except (Refused, Conflict) as error:
            log.warning("The promotion that was left open ended: %s", error)

    def _settle(self, opened: OpenPromotion) -> Promotion:
        """Bring an open promotion to its end, whoever began it."""
        change = Change(Slot.PRODUCTION, opened.epoch, opened.bundle)
        answer = self._follow(change, after=0, timeout_s=self._remaining_s(opened))

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            state = self._projection.of(entries)
            if answer.failure:
                return rules.reversion(state, opened.epoch, answer.failure)
            return rules.completion(state, opened.epoch, answer.done)

        self._ledger.transact(decide)
        entries = self._ledger.read()
        show(self._projection.of(entries), self._mirrors)
        return _result(opened, rules.outcome_of(entries, opened.epoch))

    def _follow_or_restore(self, added: Entry, before: SlotState | None) -> SlotState:
        event = added.event
        assert isinstance(event, SlotAssigned)
        change = Change(event.slot, event.epoch, event.bundle)
        answer = self._follow(change, after=added.sequence)
        if not answer.failure:
            return SlotState(
                version=event.version, bundle=event.bundle, epoch=event.epoch, share=event.share
            )

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            return restoration(
                self._projection.of(entries), event.slot, event.epoch, before, answer.failure
            )

        self._ledger.transact(decide)
        raise Refused(
            f"Version {event.version} was not put into {event.slot}. {answer.failure}", SERVER_HINT
        )

    def _follow(
        self, change: Change, *, after: int, timeout_s: float | None = None
    ) -> Acknowledgement:
        def superseded() -> bool:
            return rules.is_over(self._ledger.read(after=after), change.slot, change.epoch)

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


def _result(
    opened: OpenPromotion, outcome: PromotionCompleted | PromotionReverted | None
) -> Promotion:
    if isinstance(outcome, PromotionReverted):
        back = f"version {opened.previous} stays" if opened.previous else "there is none"
        raise Refused(
            f"Version {opened.version} did not come into production; {back}. {outcome.reason}",
            SERVER_HINT,
        )
    if outcome is None:
        raise Conflict(f"The promotion of version {opened.version} was superseded.")
    return Promotion(
        version=outcome.version,
        previous=outcome.previous,
        epoch=outcome.epoch,
        servers=outcome.servers,
        rollback=outcome.rollback,
    )
