"""Check that images with 16 bits use the bits that are read.

Of greyscale images, [data] image_depth says how many bits they use; of colour images, the upper 8
are read.
"""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.source import ImageFindings
from retread.data.summary import DatasetSummary

_DEPTHS = (8, 10, 12, 14, 16)
_MAX_UNUSED = 1


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the largest pixel values of images with 16 bits with what is read of them."""
    found = summary.findings
    if found is None or not (found.deep or found.deep_colours):
        return CheckResult(check="depth", outcome=Outcome.PASS, reason="No image has 16 bits.")
    problems = [problem for problem in (_grey(found), _colour(found)) if problem]
    used = f"The largest values of images with 16 bits are {found.peak} (grey) and "
    return CheckResult(
        check="depth",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=" ".join(problems) or f"{used}{found.colour_peak} (colour).",
        numbers={
            "peak": float(found.peak),
            "beyond": float(found.beyond),
            "colour_peak": float(found.colour_peak),
        },
    )


def _grey(found: ImageFindings) -> str | None:
    if not found.deep:
        return None
    used = found.peak.bit_length()
    depth = next(depth for depth in _DEPTHS if depth >= used)
    if found.beyond:
        problem = f"{found.beyond} of them have larger values than [data] image_depth allows."
    elif used < found.depth - _MAX_UNUSED:
        problem = f"Read as {found.depth} bits, they would be almost black."
    else:
        return None
    return (
        f"The largest value of the {found.deep} grey images with 16 bits is {found.peak}. "
        f"{problem} Set [data] image_depth = {depth}, which is {found.depth} now."
    )


def _colour(found: ImageFindings) -> str | None:
    if not found.deep_colours or found.colour_peak.bit_length() >= _DEPTHS[-1] - _MAX_UNUSED:
        return None
    return (
        f"The largest value of the {found.deep_colours} colour images with 16 bits per channel is "
        f"{found.colour_peak}. Read by the upper 8 bits, they would be almost black. Scale them to "
        "8 bits per channel."
    )
