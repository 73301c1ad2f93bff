"""Check that every split has the rows and labels that training and evaluation need."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.data.split_plan import SplitMethod
from retread.data.summary import DatasetSummary
from retread.data.version import Split


def check(summary: DatasetSummary) -> CheckResult:
    """Look for empty splits and missing labels."""
    problems = [f"the {split.value} split is empty" for split in Split if not summary.splits[split]]
    if summary.labels and not problems:
        trained = summary.labels[Split.TRAIN]
        missing = [label for label in summary.schema.labels if label not in trained]
        problems += [f"label {label!r} is missing from the train split" for label in missing]
        if len(summary.labels[Split.EVALUATION]) == 1:
            problems.append("the evaluation split has only one label")
    by_time = summary.context.plan.method is SplitMethod.TIME
    cause = (
        "Split by time, the data lacks something" if by_time else "The data is too small to split"
    )
    hint = " Add more examples or more groups, or change the shares in [data]" + (
        ', or set [data] split = "random".' if by_time else "."
    )
    return CheckResult(
        check="splits",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"{cause}: {listed(problems, separator='; ')}.{hint}"
        if problems
        else ", ".join(f"{split.value} {summary.splits[split]}" for split in Split) + ".",
        numbers={split.value: float(summary.splits[split]) for split in Split},
    )
