"""Check that every class can be judged: it has several examples, some of them for evaluation."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary
from retread.data.version import Split
from retread.project.settings import CheckAction

ACTION = CheckAction.TELL

_MAX_LISTED = 5


def check(summary: DatasetSummary) -> CheckResult:
    """Look for classes with a single example, and for those without evaluation examples."""
    counts = summary.label_counts
    if not counts:
        return CheckResult(check="classes", outcome=Outcome.PASS, reason="Numeric target.")
    single = [label for label, count in counts.items() if count == 1]
    evaluated = summary.labels.get(Split.EVALUATION, {})
    unjudged = [label for label in counts if label not in evaluated]
    problems = []
    if single:
        problems.append(f"{_listed(single)} with one example only")
    if unjudged:
        problems.append(f"{_listed(unjudged)} without an evaluation example, so that no figure of "
                        "the gate says how well a model knows them")  # fmt: skip
    return CheckResult(
        check="classes",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"There are classes that cannot be judged: {'; '.join(problems)}. Add examples of "
        "them, or remove them."
        if problems
        else "Every class has evaluation examples.",
        numbers={"single": float(len(single)), "unjudged": float(len(unjudged))},
    )


def _listed(labels: list[str]) -> str:
    more = f" and {len(labels) - _MAX_LISTED} more" if len(labels) > _MAX_LISTED else ""
    return ", ".join(map(repr, labels[:_MAX_LISTED])) + more
