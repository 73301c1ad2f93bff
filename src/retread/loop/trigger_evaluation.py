"""Evaluate the triggers, and submit what they propose to the arbiter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from retread.core import Clock, Refused, load_plugin, load_plugins
from retread.loop import triggers
from retread.loop.arbiter import Ruling, arbitrate
from retread.loop.trigger_interface import Proposal, TriggerContext, TriggerOptions
from retread.loop.trigger_requests import History, Request, fold_history, trigger_received
from retread.project import Settings
from retread.project.settings import TriggersSection
from retread.registry import fold
from retread.registry.events import Event, TriggerDecided, TriggerDecision
from retread.registry.ledger import Entry, Ledger


@dataclass(frozen=True, slots=True)
class TriggerEvaluation:
    """What the triggers propose now.

    Attributes:
        new: Proposals that no request has recorded yet.
        deferred: Requests in cooldown that a trigger still proposes.
    """

    new: tuple[Proposal, ...]
    deferred: tuple[Request, ...]


def trigger_context(
    settings: Settings, entries: Sequence[Entry], model_types: Sequence[str], now: datetime
) -> TriggerContext:
    """Return the context of the triggers.

    Args:
        settings: Settings of the project.
        entries: All entries of the ledger, oldest first.
        model_types: Names of the model types that the recipe can train.
        now: Current time, in UTC.
    """
    return TriggerContext(
        model=settings.project.name,
        dataset=settings.data.dataset,
        entries=entries,
        production=fold(entries).production or None,
        model_types=model_types,
        policy=settings.triggers,
        now=now,
        zone=settings.project.zone,
    )


def evaluate_triggers(context: TriggerContext, history: History) -> TriggerEvaluation:
    """Evaluate every trigger that the loop can raise by itself.

    Args:
        context: What the triggers read.
        history: The requests so far.
    """
    known = {request.key: request for request in history}
    evaluating = [m.evaluate for m in load_plugins(triggers).values() if hasattr(m, "evaluate")]
    proposals = [proposal for evaluate in evaluating for proposal in evaluate(context)]
    repeated = [known[p.key] for p in proposals if p.key in known]
    return TriggerEvaluation(
        new=tuple(p for p in proposals if p.key not in known),
        deferred=tuple(r for r in repeated if r.decision is TriggerDecision.COOLDOWN),
    )


def proposal_for(kind: str, context: TriggerContext, options: TriggerOptions) -> Proposal:
    """Return the proposal for an explicit request.

    Args:
        kind: Kind of the trigger, such as "manual" or "new-data".
        context: What the trigger reads.
        options: The options of the request.

    Raises:
        UnknownOption: There is no trigger of this kind, or the options name something unknown.
        InvalidInput: The options do not fit the trigger.
        Refused: The trigger cannot be requested, or there is no reason for it to fire.
    """
    module = load_plugin(triggers, "trigger", kind.replace("-", "_"))
    if not hasattr(module, "request"):
        raise Refused(
            f"Trigger {kind!r} cannot be requested; the loop raises it automatically.",
            "To retrain now, run: retread trigger manual",
        )
    proposal: Proposal = module.request(context, options)
    return proposal


def submit(
    ledger: Ledger,
    proposal: Proposal,
    policy: TriggersSection,
    clock: Clock,
    new_trigger_id: Callable[[], str],
) -> Request:
    """Record a proposal together with the arbiter's decision, as one step.

    Args:
        ledger: Where both are recorded.
        proposal: What is proposed.
        policy: The settings [triggers].
        clock: Tells the time of the decision.
        new_trigger_id: Makes the id of the trigger.

    Returns:
        The request, with the decision.
    """
    trigger = new_trigger_id()

    def decide(entries: Sequence[Entry]) -> Sequence[Event]:
        ruling = arbitrate(proposal, fold_history(entries), policy, clock.now())
        return (trigger_received(proposal, trigger), _decided(trigger, ruling))

    return fold_history(ledger.transact(decide))[0]


def resubmit(ledger: Ledger, request: Request, policy: TriggersSection, clock: Clock) -> Request:
    """Let the arbiter decide again on a request in cooldown.

    Nothing is recorded while the cooldown lasts.

    Args:
        ledger: Where a new decision is recorded.
        request: A request whose latest decision is `cooldown`.
        policy: The settings [triggers].
        clock: Tells the time of the decision.

    Returns:
        The request as it is now.
    """
    current = request

    def decide(entries: Sequence[Entry]) -> Sequence[Event]:
        nonlocal current
        history = fold_history(entries)
        current = next(r for r in history if r.trigger == request.trigger)
        if current.decision is not TriggerDecision.COOLDOWN:
            return ()
        ruling = arbitrate(current.proposal, history, policy, clock.now())
        is_over = ruling.decision is not TriggerDecision.COOLDOWN
        return (_decided(current.trigger, ruling),) if is_over else ()

    added = ledger.transact(decide)
    return fold_history(added, (current,))[0]


def _decided(trigger: str, ruling: Ruling) -> TriggerDecided:
    return TriggerDecided(trigger=trigger, decision=ruling.decision, reason=ruling.reason)
