"""The promotion protocol: intent, acknowledgements of all live servers, completion or reversion."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from retread.core import Clock, Conflict, InvalidInput, Refused
from retread.registry import promotion_rules as rules
from retread.registry.events import PromotionReverted, Slot
from retread.registry.ledger import Ledger
from retread.registry.mirror import AliasMirror, publish_stages
from retread.registry.promotion_rules import SERVER_HINT, Promotion
from retread.registry.servers import (
    Acknowledgement,
    ServerDirectory,
    SlotChange,
    Wait,
    await_servers,
)
from retread.registry.stages import check_stageable, choose_to_roll_back
from retread.registry.state import OpenPromotion, SlotState
from retread.registry.state_ledger import Rule, StateLedger

TIMEOUT_S = 30.0

log = logging.getLogger(__name__)


class Promoter:
    """Moves versions into slots and waits until all live servers have followed.

    Any number of promoters may work at the same time: the ledger decides which of them wins.

    Args:
        ledger: Where changes are recorded.
        servers: Where servers acknowledge changes.
        clock: Measures how long servers take.
        wait: Sleeps for the given number of seconds.
        timeout_s: How long servers may take before a change counts as failed.
        mirrors: Other registries that show the stages.
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
        self._ledger = StateLedger(ledger)
        self._servers = servers
        self._clock = clock
        self._wait = wait
        self._timeout_s = timeout_s
        self._mirrors = tuple(mirrors)

    def promote(
        self,
        number: int,
        *,
        reason: str = "",
        force_reason: str = "",
        expected_generation: int | None = None,
    ) -> Promotion:
        """Promote a version to production.

        Args:
            number: The version.
            reason: A note for the history.
            force_reason: Overrides the gate, and says why; without it the gate's verdict against
                the current production must be a pass.
            expected_generation: The generation that the slot production must have, if it matters.

        Raises:
            NotFound: There is no such version.
            Refused: The gate did not pass the version, or a server could not load it; production
                is as before.
            Inconclusive: The gate had not enough evidence.
            Conflict: Another promotion was first, or this one was superseded.
        """
        return self._start(
            lambda state: rules.promotion(
                state,
                number,
                reason=reason,
                force_reason=force_reason,
                expected_generation=expected_generation,
            )
        )

    def rollback(self, to: int | None = None, *, reason: str = "") -> Promotion:
        """Roll back to an earlier production version.

        A promotion in progress is reverted at once, whichever process started it; its promoter
        gets Refused. A rollback in progress is completed.

        Args:
            to: The version to go back to; by default the production version before.
            reason: A note for the history.

        Raises:
            NotFound: There is no such version.
            Refused: There is no earlier version, `to` was never in production, or a server could
                not load it.
            Conflict: Another promotion was first, or this one was superseded.
        """
        state = self._ledger.state()
        opened = state.promotion
        if to is not None:
            choose_to_roll_back(state, to)
        if opened is not None and opened.rollback and to in (None, opened.version):
            return self._settle(opened)
        if opened is not None and opened.previous is not None:
            back = self._revert(opened, reason or "It was rolled back manually.")
            if back is not None and to in (None, back.version):
                return back
            outcome = rules.outcome_of(self._ledger.entries(), opened.generation)
            if back is None and to is None and isinstance(outcome, PromotionReverted):
                # It failed by itself in the meantime: the version before serves, and stays.
                return rules.result(opened, outcome)
        return self._start(lambda state: rules.rollback(state, to, reason=reason))

    def recover(self) -> Promotion | None:
        """Complete or revert a promotion whose promoter died; return None if none is open.

        This is safe while the promoter lives: both find the same outcome.

        Raises:
            Refused: The promotion was reverted.
            Conflict: The promotion was superseded.
        """
        opened = self._ledger.state().promotion
        return None if opened is None else self._settle(opened)

    def settle_overdue(self) -> None:
        """Complete or revert an open promotion once its servers are late."""
        opened = self._ledger.state().promotion
        if opened is None or self._remaining_s(opened) > 0:
            return
        try:
            self._settle(opened)
        except (Refused, Conflict) as error:
            log.warning("An open promotion was settled: %s", error)

    def stage(self, number: int, *, metric: str = "") -> SlotState:
        """Assign the slot staging to a version, then move it to stage Staging.

        Args:
            number: The version.
            metric: The metric it was chosen by, if it was.

        Raises:
            NotFound: There is no such version.
            Refused: The version is in production, or a server could not load it.
            Conflict: Another version was staged in the meantime.
        """
        check_stageable(self._ledger.state(), number)
        held = self.assign(Slot.STAGING, number, reason="staged")
        step = self._ledger.transact(lambda state: rules.staging(state, number, held, metric))
        publish_stages(step.after, self._mirrors)
        return held

    def assign(self, slot: Slot, number: int, share: float = 1.0, *, reason: str = "") -> SlotState:
        """Assign canary, shadow or staging to a version.

        Args:
            slot: Any slot but production.
            number: The version; for a canary it needs a passing verdict or an override.
            share: The canary's share of routing keys.
            reason: A note for the history.

        Raises:
            NotFound: There is no such version.
            Refused: The gate did not pass the version, or a server could not load it; the slot is
                as before.
            Inconclusive: The gate had not enough evidence.
            InvalidInput: The slot is production, or the share is out of range.
        """
        if slot is Slot.PRODUCTION:
            raise InvalidInput("The slot production cannot be assigned.", "Call promote().")
        step = self._ledger.transact(
            lambda state: (rules.assignment(state, slot, number, share, reason),)
        )
        held = step.after.slots[slot]
        failure = self._follow(_change(slot, held), after=step.added[-1].sequence).failure
        if failure is None:
            return held
        before = step.before.slots.get(slot)
        self._ledger.transact(
            lambda state: rules.restoration(state, slot, held.generation, before, failure)
        )
        raise Refused(f"Version {number} was not assigned to {slot}. {failure}", SERVER_HINT)

    def clear(self, slot: Slot, *, holder: int | None = None, reason: str = "") -> None:
        """Clear canary, shadow or staging; nothing happens if the slot is empty.

        Args:
            slot: Any slot but production.
            holder: Clear the slot only if this version holds it; by default any.
            reason: A note for the history.

        Raises:
            InvalidInput: The slot is production.
        """
        if slot is Slot.PRODUCTION:
            raise InvalidInput("The slot production cannot be cleared.", "Call rollback().")
        step = self._ledger.transact(lambda state: rules.clearance(state, slot, holder, reason))
        if step.added:
            change = SlotChange(slot, step.after.slot_generations[slot], None)
            self._follow(change, after=step.added[-1].sequence)

    def _start(self, rule: Rule) -> Promotion:
        """Record the intent that `rule` decides on, and bring it to its end."""
        self.settle_overdue()
        step = self._ledger.transact(rule)
        opened = step.after.promotion
        assert opened is not None, "an intent opens a promotion"
        return self._settle(opened, after=step.added[-1].sequence)

    def _settle(self, opened: OpenPromotion, *, after: int = 0) -> Promotion:
        """Bring an open promotion to its end, whichever process started it.

        `after` is the sequence of its intent, if that is known.
        """
        change = SlotChange(Slot.PRODUCTION, opened.generation, opened.bundle)
        answer = self._follow(change, after=after, timeout_s=self._remaining_s(opened))
        step = self._ledger.transact(
            lambda state: (
                rules.reversion(state, opened.generation, answer.failure)
                if answer.failure
                else rules.completion(state, opened.generation, answer.done)
            )
        )
        publish_stages(step.after, self._mirrors)
        # Another process may have ended it first.
        entries = step.added or self._ledger.entries(after=after)
        return rules.result(opened, rules.outcome_of(entries, opened.generation))

    def _revert(self, opened: OpenPromotion, reason: str) -> Promotion | None:
        """Give production back to the version before; None if the promotion has ended."""
        step = self._ledger.transact(
            lambda state: rules.reversion(state, opened.generation, reason)
        )
        if not step.added:
            return None
        held = step.after.slots[Slot.PRODUCTION]
        assert held.version is not None, "there was a version before"
        answer = self._follow(_change(Slot.PRODUCTION, held), after=step.added[-1].sequence)
        if answer.failure:
            log.warning("Version %d is in production again. %s", held.version, answer.failure)
        publish_stages(step.after, self._mirrors)
        return Promotion(
            version=held.version,
            previous=opened.version,
            generation=held.generation,
            servers=answer.done,
            rollback=True,
        )

    def _follow(
        self, change: SlotChange, *, after: int, timeout_s: float | None = None
    ) -> Acknowledgement:
        """Wait for the servers; `after` is the sequence of the entry that made the change."""

        def superseded() -> bool:
            return rules.is_over(self._ledger.entries(after=after), change.slot, change.generation)

        seconds = self._timeout_s if timeout_s is None else timeout_s
        return await_servers(change, self._servers, self._clock, self._wait, seconds, superseded)

    def _remaining_s(self, opened: OpenPromotion) -> float:
        return rules.remaining_s(opened, self._clock.now(), self._timeout_s)


def _change(slot: Slot, held: SlotState) -> SlotChange:
    return SlotChange(slot, held.generation, held.bundle)
