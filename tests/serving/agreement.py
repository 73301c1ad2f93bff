"""Whether the ledger's history and what clients were answered say the same."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from retread.registry import Period, periods, state_at
from retread.registry.events import PromotionCompleted, Slot
from retread.registry.ledger import Entry


@dataclass(frozen=True, slots=True)
class Answered:
    """The version that answered, some time between `asked` and `arrived`."""

    asked: datetime
    arrived: datetime
    version: int


def check_agreement(entries: Sequence[Entry], answers: Sequence[Answered]) -> int:
    """Every answer of the one server is by a version that could answer then: assigned before it
    arrived, and not replaced before it was asked. How many had one such version only; for these
    `state_at` names it too."""
    assigned = [p for p in periods(entries) if p.slot is Slot.PRODUCTION]
    since = [period.since for period in assigned]
    taken_over = _taken_over(entries, assigned, answers)
    certain: dict[int, list[datetime]] = {}
    for answer in answers:
        last = first = bisect_right(since, answer.arrived) - 1
        while first > 0 and answer.asked <= taken_over[first]:
            first -= 1
        possible = {period.version for period in assigned[first : last + 1]}
        assert answer.version in possible, (answer, assigned[first : last + 1])
        if first == last:
            certain.setdefault(last, []).append(answer.arrived)
    for place, times in certain.items():
        # One look a period, after its promotion: each replays the ledger from its beginning.
        assert (
            state_at(entries, times[-1]).slots[Slot.PRODUCTION].version == assigned[place].version
        )
    return sum(len(times) for times in certain.values())


def _taken_over(
    entries: Sequence[Entry], assigned: Sequence[Period], answers: Sequence[Answered]
) -> list[datetime]:
    """When, at the latest, each assignment was in force: acknowledged, or seen by a client."""
    since = [period.since for period in assigned]
    acknowledged = {
        entry.event.generation: entry.at
        for entry in entries
        if isinstance(entry.event, PromotionCompleted)
    }
    times = [acknowledged[period.generation] for period in assigned]
    for answer in answers:
        place = bisect_right(since, answer.asked) - 1
        if place >= 0 and answer.version == assigned[place].version:
            times[place] = min(times[place], answer.arrived)
    return times
