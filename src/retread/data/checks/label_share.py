"""No label has nearly all rows, and the shares are about those of the version before."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary

_MOST_SHIFT = 0.5


def check(summary: DatasetSummary) -> CheckResult:
    counts = summary.label_counts
    if not counts:
        return CheckResult(check="label_share", outcome=Outcome.PASS, reason="Numeric target.")
    label, largest = max(counts.items(), key=lambda item: item[1])
    share = largest / summary.rows
    shift = _shift(counts, summary.changes.version.labels) if summary.changes else 0.0
    problems = []
    if share > summary.max_label_share:
        problems.append(
            f"{label!r} has {share:.1%} of the rows, more than {summary.max_label_share:.1%}"
        )
    if summary.changes and shift > _MOST_SHIFT:
        problems.append(
            f"{shift:.0%} of the label shares moved since {summary.changes.version.reference}"
        )
    return CheckResult(
        check="label_share",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"{'; '.join(problems)}." if problems else f"Largest: {label!r} with {share:.1%}.",
        numbers={"largest": share, "shift": shift},
    )


def _shift(now: dict[str, int], before: dict[str, int]) -> float:
    """Total variation distance of the label shares, 0..1."""
    labels = now.keys() | before.keys()
    total_now, total_before = max(sum(now.values()), 1), max(sum(before.values()), 1)
    return 0.5 * sum(
        abs(now.get(label, 0) / total_now - before.get(label, 0) / total_before) for label in labels
    )
