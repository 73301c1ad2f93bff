"""The results of two years: alarms, retrainings and their causes, and the errors of a year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from retread.bundle import CauseKind
from retread.demos.criteria import Criterion
from retread.demos.environment import DemoEnvironment
from retread.demos.event_reporter import events_of
from retread.demos.results import DemoResults, TrafficRow, demo_results
from retread.demos.traffic import TrafficScores
from retread.registry.events import (
    DegradationDetected,
    DriftDetected,
    RetrainingFinished,
    RetrainingOutcome,
    TriggerReceived,
)
from retread.registry.ledger import Entry

MAX_RATIO = 0.6
"""The largest error with the loop, as a share of the fixed model's."""

FIXED = "fixed model"
LOOP = "with the loop"

_ALARMS = {CauseKind.DEGRADATION, CauseKind.DRIFT}


class MonthlyErrors:
    """Absolute errors of the fixed model and with the loop, by month.

    The mean over a year is the mean of its months.
    """

    def __init__(self) -> None:
        self._fixed = TrafficScores()
        self._loop = TrafficScores()

    def add(self, at: datetime, truth: float, fixed: float, loop: float) -> None:
        """Add the predictions of both for one hour."""
        month = f"{at:%Y-%m}"
        self._fixed.add(month, 0, abs(fixed - truth))
        self._loop.add(month, 0, abs(loop - truth))

    def months(self) -> tuple[str, ...]:
        """Return the months so far, as YYYY-MM."""
        return self._loop.kinds()

    def mean(self, months: Sequence[str]) -> tuple[float, float]:
        """Return the means of the monthly errors: of the fixed model, and with the loop."""
        fixed = [self._fixed.of(month, 0).mean for month in months]
        loop = [self._loop.of(month, 0).mean for month in months]
        return sum(fixed) / len(fixed), sum(loop) / len(loop)

    def rows(self) -> tuple[TrafficRow, ...]:
        """Return both errors of each month."""
        found = []
        for month in self.months():
            for model, scores in ((FIXED, self._fixed), (LOOP, self._loop)):
                score = scores.of(month, 0)
                found.append(
                    TrafficRow(traffic=month, model=model, mean=score.mean, predictions=score.count)
                )
        return tuple(found)


def bikes_results(
    demo: DemoEnvironment, errors: MonthlyErrors, year: str, last_request_id: str | None
) -> DemoResults:
    """Return the results; errors are compared over the months of `year`."""
    entries = demo.events.entries
    fixed, loop = errors.mean([month for month in errors.months() if month.startswith(year)])
    return demo_results(
        demo,
        name="bikes",
        criteria=judge_bikes(entries, fixed, loop, year),
        caveat="",
        metric="Mean absolute error",
        traffic=errors.rows(),
        measures=_measures(entries, fixed, loop, year),
        last_request_id=last_request_id,
    )


def judge_bikes(
    entries: Sequence[Entry], fixed: float, loop: float, year: str
) -> tuple[Criterion, ...]:
    """Judge that alarms, and alarms alone, keep the error far below the fixed model's."""
    drifts = len(events_of(entries, DriftDetected))
    degradations = len(events_of(entries, DegradationDetected))
    finished = retrainings_by_cause(entries)
    promoted = retrainings_by_cause(entries, RetrainingOutcome.PROMOTED)
    return (
        Criterion(
            name="alarms were raised",
            met=drifts + degradations > 0,
            detail=f"{degradations} of degradation, {drifts} of drift",
        ),
        Criterion(
            name="only alarms triggered retrainings",
            met=bool(finished) and set(finished) <= _ALARMS,
            detail=format_causes(finished),
        ),
        Criterion(
            name="retrainings were promoted",
            met=bool(promoted),
            detail=f"{promoted.total()} of {finished.total()}: {format_causes(promoted)}",
        ),
        Criterion(
            name=f"the error is at most {MAX_RATIO:.0%} of the fixed model's",
            met=loop <= MAX_RATIO * fixed,
            detail=f"{loop:.1f} against {fixed:.1f} in {year}: {loop / fixed:.0%}",
        ),
    )


def retrainings_by_cause(
    entries: Sequence[Entry], outcome: RetrainingOutcome | None = None
) -> Counter[CauseKind]:
    """Count the finished retrainings by the kind of their cause; only those with `outcome`, if
    given."""
    causes = {event.trigger: event.cause.kind for event in events_of(entries, TriggerReceived)}
    return Counter(
        causes[event.trigger]
        for event in events_of(entries, RetrainingFinished)
        if outcome is None or event.outcome is outcome
    )


def format_causes(counts: Counter[CauseKind]) -> str:
    """Format counts by cause.

    >>> format_causes(Counter({CauseKind.DRIFT: 2, CauseKind.DEGRADATION: 3}))
    '3 for degradation, 2 for drift'
    """
    return ", ".join(f"{count} for {kind}" for kind, count in counts.most_common()) or "none"


def _measures(entries: Sequence[Entry], fixed: float, loop: float, year: str) -> dict[str, float]:
    finished = retrainings_by_cause(entries)
    promoted = retrainings_by_cause(entries, RetrainingOutcome.PROMOTED)
    return {
        f"MAE of the fixed model, mean of the months of {year}": fixed,
        f"MAE with the loop, mean of the months of {year}": loop,
        "ratio": loop / fixed,
        **{f"retrainings for {kind}": float(count) for kind, count in finished.items()},
        **{f"promotions for {kind}": float(count) for kind, count in promoted.items()},
    }
