"""What came of a promotion."""

from __future__ import annotations

import msgspec

from retread.core import Conflict, Refused
from retread.registry.events import PromotionCompleted, PromotionReverted
from retread.registry.state import OpenPromotion

SERVER_HINT = "See the server's log, and try again."
_REVERTED_HINT = "See what serves with: retread production"


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A completed promotion; `servers` acknowledged it, `previous` (0: none) is archived."""

    version: int
    previous: int
    generation: int
    servers: tuple[str, ...]
    rollback: bool


def result(
    opened: OpenPromotion, outcome: PromotionCompleted | PromotionReverted | None
) -> Promotion:
    """The promotion as it was completed; Refused if it was reverted, Conflict if it is gone."""
    if isinstance(outcome, PromotionReverted):
        back = f"version {opened.previous} stays" if opened.previous else "there is none"
        raise Refused(
            f"Version {opened.version} did not come into production; {back}. {outcome.reason}",
            _REVERTED_HINT,
        )
    if outcome is None:
        raise Conflict(f"The promotion of version {opened.version} was superseded.")
    return Promotion(
        version=outcome.version,
        previous=outcome.previous,
        generation=outcome.generation,
        servers=outcome.servers,
        rollback=outcome.rollback,
    )
