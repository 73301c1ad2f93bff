"""What two years came to: alarms, retrainings and their causes, and the error of a year."""

from __future__ import annotations

from collections.abc import Sequence

from retread.demos.bikes.causes import ALARMS, describe_event, retrainings_by_cause
from retread.demos.bikes.errors_by_month import ErrorsByMonth
from retread.demos.links import bring_up, links
from retread.demos.moments import events_of, moments
from retread.demos.stage import Stage
from retread.demos.summary import Goal, Summary, is_closed, next_commands, version_rows
from retread.registry.events import DegradationDetected, DriftDetected
from retread.registry.ledger import Entry

WANTED_RATIO = 0.6
_PROMOTED = "promoted"


def summarise(stage: Stage, errors: ErrorsByMonth, year: str, last_id: str) -> Summary:
    """The summary; errors are compared over the months of `year`."""
    entries = stage.narrator.entries
    fixed, loop = errors.mean(tuple(m for m in errors.months() if m.startswith(year)))
    reached = goals(entries, fixed, loop, year)
    return Summary(
        demo="bikes",
        folder=str(stage.folder),
        closed=is_closed(reached),
        seconds=stage.story.seconds,
        goals=reached,
        moments=moments(entries, lambda at: f"{at:%Y-%m-%d}"),
        versions=version_rows(stage.space.registry.state()),
        caveat="",
        metric="Mean absolute error",
        measured=errors.rows(),
        figures=figures(entries, fixed, loop, year),
        messages=stage.slack.headlines,
        up=bring_up(stage.folder),
        links=links(stage.folder),
        commands=next_commands(
            str(stage.folder), last_id, rollback=bool(retrainings_by_cause(entries, _PROMOTED))
        ),
    )


def goals(entries: Sequence[Entry], fixed: float, loop: float, year: str) -> tuple[Goal, ...]:
    """Alarms, and nothing but alarms, keep the error far below the fixed model's."""
    drifts = len(events_of(entries, DriftDetected))
    degradations = len(events_of(entries, DegradationDetected))
    ended = retrainings_by_cause(entries)
    promoted = retrainings_by_cause(entries, _PROMOTED)
    return (
        Goal(
            what="alarms were raised",
            reached=drifts + degradations > 0,
            detail=f"{degradations} of degradation, {drifts} of drift",
        ),
        Goal(
            what="alarms, and nothing else, asked for retrainings",
            reached=bool(ended) and set(ended) <= set(ALARMS),
            detail=describe_event(ended),
        ),
        Goal(
            what="retrainings were promoted",
            reached=bool(promoted),
            detail=f"{promoted.total()} of {ended.total()}: {describe_event(promoted)}",
        ),
        Goal(
            what=f"the error stays under {WANTED_RATIO:.0%} of the fixed model's",
            reached=loop <= WANTED_RATIO * fixed,
            detail=f"{loop:.1f} against {fixed:.1f} in {year}: {loop / fixed:.0%}",
        ),
    )


def figures(entries: Sequence[Entry], fixed: float, loop: float, year: str) -> dict[str, float]:
    ended = retrainings_by_cause(entries)
    promoted = retrainings_by_cause(entries, _PROMOTED)
    return {
        f"MAE of the fixed model, mean of {year}'s months": fixed,
        f"MAE with the loop, mean of {year}'s months": loop,
        "ratio": loop / fixed,
        **{f"retrainings for {kind}": float(count) for kind, count in ended.items()},
        **{f"promotions for {kind}": float(count) for kind, count in promoted.items()},
    }
