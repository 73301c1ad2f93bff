"""Whether the ledger's history agrees with the responses that clients got."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from retread.registry import Period, periods, state_at
from retread.registry.events import PromotionCompleted, Slot
from retread.registry.ledger import Entry


@dataclass(frozen=True, slots=True)
class TimedResponse:
    """A response by `version`, some time between `sent_at` and `received_at`."""

    sent_at: datetime
    received_at: datetime
    version: int


def check_agreement(entries: Sequence[Entry], responses: Sequence[TimedResponse]) -> int:
    """Check that every response is by a version that was in production between its two times.

    Such a version was assigned before the response was received, and not replaced before the
    request was sent. If there is only one, `state_at` must name it as well.

    Returns:
        The number of responses for which there is only one such version.
    """
    assigned = [p for p in periods(entries) if p.slot is Slot.PRODUCTION]
    since = [period.since for period in assigned]
    in_force = _in_force_at(entries, assigned, responses)
    certain: dict[int, list[datetime]] = {}
    for response in responses:
        last = first = bisect_right(since, response.received_at) - 1
        while first > 0 and response.sent_at <= in_force[first]:
            first -= 1
        possible = {period.version for period in assigned[first : last + 1]}
        assert response.version in possible, (response, assigned[first : last + 1])
        if first == last:
            certain.setdefault(last, []).append(response.received_at)
    for index, times in certain.items():
        # Once per period, after its promotion: each call replays the ledger from its beginning.
        state = state_at(entries, times[-1])
        assert state.slots[Slot.PRODUCTION].version == assigned[index].version
    return sum(len(times) for times in certain.values())


def _in_force_at(
    entries: Sequence[Entry], assigned: Sequence[Period], responses: Sequence[TimedResponse]
) -> list[datetime]:
    """Return when, at the latest, each assignment was acknowledged, or seen by a client."""
    since = [period.since for period in assigned]
    acknowledged = {
        entry.event.generation: entry.at
        for entry in entries
        if isinstance(entry.event, PromotionCompleted)
    }
    times = [acknowledged[period.generation] for period in assigned]
    for response in responses:
        index = bisect_right(since, response.sent_at) - 1
        if index >= 0 and response.version == assigned[index].version:
            times[index] = min(times[index], response.received_at)
    return times
