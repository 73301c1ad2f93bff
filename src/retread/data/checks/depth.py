"""Check that deep greyscale images use the bits that [data] image_depth says they use."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary

_DEPTHS = (8, 10, 12, 14, 16)
_MAX_UNUSED = 1


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the largest pixel value of images with 16 bits with the setting."""
    found = summary.findings
    if found is None or not found.deep:
        return CheckResult(check="depth", outcome=Outcome.PASS, reason="No image has 16 bits.")
    used = found.peak.bit_length()
    depth = next(depth for depth in _DEPTHS if depth >= used)
    problem = ""
    if found.beyond:
        problem = f"{found.beyond} of them have larger values than [data] image_depth allows."
    elif used < found.depth - _MAX_UNUSED:
        problem = f"Read as {found.depth} bits, they would be almost black."
    reason = f"The largest value of the {found.deep} images with 16 bits is {found.peak}."
    if problem:
        reason += f" {problem} Set [data] image_depth = {depth}, which is {found.depth} now."
    return CheckResult(
        check="depth",
        outcome=Outcome.FAIL if problem else Outcome.PASS,
        reason=reason,
        numbers={"peak": float(found.peak), "beyond": float(found.beyond)},
    )
