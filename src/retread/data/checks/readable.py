"""Check that few images of the source are unreadable, and say which files were left out."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.data.images import counted
from retread.data.summary import DatasetSummary

_MAX_LISTED = 5


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the share of files that could not be read with the setting."""
    broken = summary.unreadable
    files = summary.rows + len(broken)
    share = len(broken) / max(files, 1)
    failed = share > summary.context.settings.max_unreadable_share
    reason = "All images are readable."
    if broken:
        shown = listed(broken, _MAX_LISTED, "; ")
        reason = f"{len(broken)} unreadable images were left out: {shown}."
    if failed:
        reason += (
            f" They are {share:.1%} of {files}; [data] max_unreadable_share allows "
            f"{summary.context.settings.max_unreadable_share:.1%}."
        )
    left_out = summary.findings.left_out if summary.findings else {}
    if left_out:
        reason += f" {counted(left_out, 'file')} are no images."
    return CheckResult(
        check="readable",
        outcome=Outcome.FAIL if failed else Outcome.PASS,
        reason=reason,
        numbers={
            "unreadable": float(len(broken)),
            "readable": float(summary.rows),
            "left_out": float(sum(left_out.values())),
        },
    )
