"""Check that few of the existing rows were relabelled."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary

_MAX_SHARE = 0.05


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the share of relabelled rows with its limit."""
    changes = summary.changes
    # A numeric target is a measurement, which may be corrected.
    if changes is None or not changes.common or not summary.schema.labels:
        return CheckResult(check="relabelled", outcome=Outcome.PASS, reason="Nothing to compare.")
    share = changes.relabelled / changes.common
    return CheckResult(
        check="relabelled",
        outcome=Outcome.FAIL if share > _MAX_SHARE else Outcome.PASS,
        reason=f"{changes.relabelled} of the {changes.common} rows in common with "
        f"{changes.version.reference} were relabelled ({share:.1%}; allowed: {_MAX_SHARE:.0%}).",
        numbers={"relabelled": share},
    )
