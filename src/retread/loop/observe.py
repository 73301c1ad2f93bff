"""What the triggers notice by themselves, and what is asked outright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from retread.core import Refused, load_plugin, load_plugins
from retread.loop import triggers
from retread.loop.history import History
from retread.loop.proposal import Proposal
from retread.loop.view import TriggerContext, TriggerOptions
from retread.project import Settings
from retread.registry import fold
from retread.registry.events import TriggerDecision
from retread.registry.ledger import Entry


@dataclass(frozen=True, slots=True)
class Noticed:
    """Proposals nobody has seen yet, and triggers that were put off and are still proposed."""

    new: tuple[Proposal, ...]
    put_off: tuple[str, ...]


def trigger_context(
    settings: Settings, entries: Sequence[Entry], model_types: Sequence[str], now: datetime
) -> TriggerContext:
    """The project as its ledger says it is."""
    return TriggerContext(
        model=settings.project.name,
        dataset=settings.data.dataset,
        entries=entries,
        production=fold(entries).production,
        model_types=model_types,
        policy=settings.triggers,
        now=now,
    )


def noticed(view: TriggerContext, history: History) -> Noticed:
    """What every trigger that observes proposes, beside what was decided before."""
    known = {request.key: request for request in history}
    observers = [m.observe for m in load_plugins(triggers).values() if hasattr(m, "observe")]
    proposals = [proposal for observe in observers for proposal in observe(view)]
    cooling = [known[p.key] for p in proposals if p.key in known]
    return Noticed(
        new=tuple(p for p in proposals if p.key not in known),
        put_off=tuple(r.trigger for r in cooling if r.decision is TriggerDecision.COOLDOWN),
    )


def proposal_for(kind: str, view: TriggerContext, asked: TriggerOptions) -> Proposal:
    """The proposal of the trigger `kind`; UnknownOption, Refused, InvalidInput."""
    module = load_plugin(triggers, "trigger", kind.replace("-", "_"))
    if not hasattr(module, "ask"):
        raise Refused(
            f"Nobody asks for the trigger {kind!r}: the loop notices it by itself.",
            "To retrain now: retread trigger manual",
        )
    proposal: Proposal = module.ask(view, asked)
    return proposal
