"""Check that columns and labels are those of the previous released version."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.data.summary import DatasetSummary


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the columns and the labels with those of the previous released version."""
    if summary.changes is None:
        return CheckResult(check="schema", outcome=Outcome.PASS, reason="First released version.")
    before, now = summary.changes.version.schema, summary.schema
    old = {column.name: column.kind for column in before.columns}
    new = {column.name: column.kind for column in now.columns}
    differences = [
        *(f"column {name!r} was removed" for name in old if name not in new),
        *(f"column {name!r} was added" for name in new if name not in old),
        *(
            f"column {name!r} changed from {old[name]} to {new[name]}"
            for name in old
            if name in new and old[name] != new[name]
        ),
        *(f"label {label!r} was removed" for label in before.labels if label not in now.labels),
        *(f"label {label!r} was added" for label in now.labels if label not in before.labels),
    ]
    return CheckResult(
        check="schema",
        outcome=Outcome.FAIL if differences else Outcome.PASS,
        reason=f"Different from {summary.changes.version.reference}: "
        f"{listed(differences, separator='; ')}."
        if differences
        else f"Columns and labels match {summary.changes.version.reference}.",
        numbers={"differences": float(len(differences))},
    )
