"""Check that few of the existing rows were relabelled."""

from __future__ import annotations

from msgspec import UNSET

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the share of rows that have another label now with `[data] max_relabelled_share`.

    A row that was added again under another label counts too, unless rows repeat by nature.
    """
    changes = summary.changes
    # A numeric target is a measurement, which may be corrected.
    if changes is None or not changes.common or not summary.schema.labels:
        return CheckResult(check="relabelled", outcome=Outcome.PASS, reason="Nothing to compare.")
    allowed = summary.context.settings.max_relabelled_share
    again = 0 if summary.context.plan.by_row else changes.contradicted
    share = (changes.relabelled + again) / changes.common
    added = f", {again} of them by rows that were added again" if again else ""
    return CheckResult(
        check="relabelled",
        outcome=Outcome.FAIL if share > allowed else Outcome.PASS,
        reason=f"{changes.relabelled + again} of the {changes.common} rows in common with "
        f"{changes.version.reference} have another label now ({share:.1%}; allowed: "
        f"{allowed:.0%}){added}.",
        numbers={"relabelled": share, "added_again": float(again)},
        notice=0 < share <= allowed or UNSET,
    )
