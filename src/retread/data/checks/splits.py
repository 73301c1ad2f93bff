"""Every split has rows, and those it needs to learn and to judge."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary
from retread.data.version import Split


def check(summary: DatasetSummary) -> CheckResult:
    problems = [f"the {split.value} split is empty" for split in Split if not summary.splits[split]]
    if summary.labels and not problems:
        learnt = summary.labels[Split.TRAIN]
        missing = [label for label in summary.schema.labels if label not in learnt]
        problems += [f"label {label!r} is not in the train split" for label in missing]
        if len(summary.labels[Split.EVALUATION]) == 1:
            problems.append("the evaluation split has a single label")
    hint = " Add more examples or more groups, or change the shares in [data]."
    return CheckResult(
        check="splits",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"Too little to split: {'; '.join(problems)}.{hint}"
        if problems
        else ", ".join(f"{split.value} {summary.splits[split]}" for split in Split) + ".",
        numbers={split.value: float(summary.splits[split]) for split in Split},
    )
