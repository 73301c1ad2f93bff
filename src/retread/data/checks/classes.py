"""Check that every class can be judged: it has several examples, some of them for evaluation."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.core.listed import listed
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
        problems.append(f"{listed(map(repr, single), _MAX_LISTED)} with one example only")
    if unjudged:
        named = listed(map(repr, unjudged), _MAX_LISTED)
        problems.append(f"{named} without an evaluation example, so that no figure of the gate "
                        "says how well a model knows them")  # fmt: skip
    return CheckResult(
        check="classes",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"There are classes that cannot be judged: {'; '.join(problems)}. Add examples of "
        "them, or remove them."
        if problems
        else "Every class has evaluation examples.",
        numbers={"single": float(len(single)), "unjudged": float(len(unjudged))},
    )
