"""Check that few photos decode to the same picture under several labels.

Such photos teach nothing: drawings on a transparent background of their own colour, for example.
"""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary

_MAX_SHARE = 0.01
_MAX_LISTED = 3


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the share of such photos with its limit."""
    findings = summary.findings
    if findings is None or not findings.alike:
        return CheckResult(
            check="alike", outcome=Outcome.PASS, reason="No two labels share a picture."
        )
    share = findings.alike_rows / summary.rows
    more = "; ..." if len(findings.alike) > _MAX_LISTED else ""
    return CheckResult(
        check="alike",
        outcome=Outcome.FAIL if share > _MAX_SHARE else Outcome.PASS,
        reason=f"{findings.alike_rows} of {summary.rows} photos look exactly like one of another "
        f"label: {'; '.join(findings.alike[:_MAX_LISTED])}{more}. If they are transparent, set "
        "[data] image_background to another colour.",
        numbers={"alike": share},
    )
