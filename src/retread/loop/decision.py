"""What the arbiter can say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Decision(StrEnum):
    """The arbiter's answers; `cooldown` alone is asked again later."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    COOLDOWN = "cooldown"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """An answer and its reason."""

    decision: Decision
    reason: str
