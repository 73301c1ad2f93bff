"""Few rows that were there before have another label now."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary

_MOST = 0.05


def check(summary: DatasetSummary) -> CheckResult:
    changes = summary.changes
    # A numeric target is a measurement, and may be corrected.
    if changes is None or not changes.common or not summary.schema.labels:
        return CheckResult(check="relabelled", outcome=Outcome.PASS, reason="Nothing to compare.")
    share = changes.relabelled / changes.common
    return CheckResult(
        check="relabelled",
        outcome=Outcome.FAIL if share > _MOST else Outcome.PASS,
        reason=f"{changes.relabelled} of the {changes.common} rows shared with "
        f"{changes.version.reference} have another label ({share:.1%}; allowed: {_MOST:.0%}).",
        numbers={"relabelled": share},
    )
