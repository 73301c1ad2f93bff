"""Asking the arbiter: the question and its answer enter the ledger as one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retread.core import Clock
from retread.loop.arbiter import arbitrate
from retread.loop.decision import Ruling
from retread.loop.history import Request, fold_history
from retread.loop.proposal import Proposal, received
from retread.project.settings import TriggersSection
from retread.registry.events import Event, TriggerDecided, TriggerDecision
from retread.registry.ledger import Entry, Ledger


def submit(
    ledger: Ledger,
    proposal: Proposal,
    policy: TriggersSection,
    clock: Clock,
    new_trigger_id: Callable[[], str],
) -> Request:
    """Record `proposal` and what the arbiter says of it; the request as it then stands."""
    trigger = new_trigger_id()

    def decide(entries: Sequence[Entry]) -> Sequence[Event]:
        ruling = arbitrate(proposal, fold_history(entries), policy, clock.now())
        return (received(proposal, trigger), _decided(trigger, ruling))

    ledger.transact(decide)
    return _request(ledger, trigger)


def resubmit(ledger: Ledger, trigger: str, policy: TriggersSection, clock: Clock) -> Request:
    """Ask again about a trigger that was put off; nothing is recorded while it still is."""

    def decide(entries: Sequence[Entry]) -> Sequence[Event]:
        history = fold_history(entries)
        request = next(r for r in history if r.trigger == trigger)
        if request.decision is not TriggerDecision.COOLDOWN:
            return ()
        ruling = arbitrate(request.proposal, history, policy, clock.now())
        return () if ruling.decision is TriggerDecision.COOLDOWN else (_decided(trigger, ruling),)

    ledger.transact(decide)
    return _request(ledger, trigger)


def _decided(trigger: str, ruling: Ruling) -> TriggerDecided:
    return TriggerDecided(trigger=trigger, decision=ruling.decision, reason=ruling.reason)


def _request(ledger: Ledger, trigger: str) -> Request:
    return next(r for r in fold_history(ledger.read()) if r.trigger == trigger)
