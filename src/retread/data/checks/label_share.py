"""Check that no label dominates, and that the label distribution did not change abruptly."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary

_MAX_SHIFT = 0.5


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the label shares with the setting, and with the previous released version."""
    counts = summary.label_counts
    if not counts:
        return CheckResult(check="label_share", outcome=Outcome.PASS, reason="Numeric target.")
    label, largest = max(counts.items(), key=lambda item: item[1])
    share = largest / summary.rows
    shift = _shift(counts, summary.changes.version.labels) if summary.changes else 0.0
    allowed = summary.context.settings.max_label_share
    problems = []
    if share > allowed:
        problems.append(f"{label!r} has {share:.1%} of the rows, more than {allowed:.1%}")
    if summary.changes and shift > _MAX_SHIFT:
        problems.append(
            f"{shift:.0%} of the label distribution shifted since "
            f"{summary.changes.version.reference}"
        )
    return CheckResult(
        check="label_share",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"{'; '.join(problems)}."
        if problems
        else f"Largest label: {label!r} with {share:.1%} of the rows.",
        numbers={"largest": share, "shift": shift},
    )


def _shift(now: dict[str, int], before: dict[str, int]) -> float:
    """Return the total variation distance of the label distributions, 0..1."""
    labels = now.keys() | before.keys()
    total_now, total_before = max(sum(now.values()), 1), max(sum(before.values()), 1)
    return 0.5 * sum(
        abs(now.get(label, 0) / total_now - before.get(label, 0) / total_before) for label in labels
    )
