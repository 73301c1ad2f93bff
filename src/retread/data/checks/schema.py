"""Columns and labels are those of the released version before."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary


def check(summary: DatasetSummary) -> CheckResult:
    if summary.changes is None:
        return CheckResult(check="schema", outcome=Outcome.PASS, reason="First released version.")
    before, now = summary.changes.version.schema, summary.schema
    old = {column.name: column.kind for column in before.columns}
    new = {column.name: column.kind for column in now.columns}
    differences = [
        *(f"column {name!r} is gone" for name in old if name not in new),
        *(f"column {name!r} is new" for name in new if name not in old),
        *(
            f"column {name!r} was {old[name]} and is {new[name]}"
            for name in old
            if name in new and old[name] != new[name]
        ),
        *(f"label {label!r} is gone" for label in before.labels if label not in now.labels),
        *(f"label {label!r} is new" for label in now.labels if label not in before.labels),
    ]
    return CheckResult(
        check="schema",
        outcome=Outcome.FAIL if differences else Outcome.PASS,
        reason=f"Unlike {summary.changes.version.reference}: {'; '.join(differences)}."
        if differences
        else f"Columns and labels are those of {summary.changes.version.reference}.",
        numbers={"differences": float(len(differences))},
    )
