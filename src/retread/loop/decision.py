"""What the arbiter can say."""

from __future__ import annotations

from dataclasses import dataclass

from retread.registry.events import TriggerDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """An answer and its reason."""

    decision: TriggerDecision
    reason: str
