"""Dataset versions, and what is between two of them, for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group
from rich.table import Table
from rich.text import Text

from retread.core import Outcome, short
from retread.data import DatasetVersion, Diff, Split

_STYLES = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.INCONCLUSIVE: "yellow"}
_FIGURES = ("mean", "sd", "min", "q50", "max", "missing", "distinct")
_MOST_SHIFTS = 20


def version_line(version: DatasetVersion) -> str:
    """One line: how many rows, in which splits, with which labels."""
    splits = ", ".join(f"{split} {version.splits.get(split, 0)}" for split in Split)
    labels = ", ".join(f"{label} {count}" for label, count in version.labels.items())
    return f"{version.rows} rows ({splits}){'; ' if labels else ''}{labels}; {version.state}"


def versions_table(versions: Iterable[DatasetVersion]) -> Table:
    """One line a version."""
    table = _table("", "version", "state", "rows", "evaluation", "digest", "made", "note")
    for version in versions:
        table.add_row(
            version.reference,
            version.state,
            str(version.rows),
            short(version.evaluation_digest),
            short(version.digest),
            version.created_at.isoformat(),
            Text(version.note),
        )
    return table


def version_page(version: DatasetVersion) -> Group:
    """All that is known of a version."""
    # Lines, not a table: digests are for copying, and a table would cut them to its width.
    facts = [
        f"{name:<18}{value}"
        for name, value in {
            "version": version.reference,
            "digest": version.digest,
            "evaluation split": version.evaluation_digest,
            "rows": version_line(version),
            "source": version.source,
            "made": version.created_at.isoformat(),
            "note": version.note,
        }.items()
        if value
    ]
    checks = _table("Checks", "check", "outcome", "reason")
    for check in version.checks:
        outcome = Text(check.outcome, style=_STYLES[check.outcome])
        checks.add_row(check.check, outcome, Text(check.reason))
    profile = _table("Profile", "column", *_FIGURES)
    for name, figures in version.profile.items():
        cells = [f"{figures[f]:.4g}" if f in figures else "" for f in _FIGURES]
        profile.add_row(Text(name), *cells)
    return Group(Text("\n".join(facts)), "", checks, "", profile)


def diff_page(diff: Diff) -> Group:
    """What changed, with examples, and the columns that moved most."""
    rows = _table(f"{diff.left} to {diff.right}", "rows", "count", "such as")
    for kind in ("added", "removed", "relabelled", "moved"):
        examples = Text(", ".join(diff.examples[kind]))
        rows.add_row(kind, str(getattr(diff, kind)), examples)
    labels = ", ".join(f"{label} {change:+d}" for label, change in diff.labels.items() if change)
    same = "the same" if diff.same_evaluation else "not the same: compare models with care"
    shifts = _table("Columns", "column", "shift")
    largest = sorted(diff.shifts.items(), key=lambda item: -item[1])[:_MOST_SHIFTS]
    for name, shift in largest:
        shifts.add_row(Text(name), f"{shift:.3f}")
    for change, names in (("new", diff.columns_added), ("gone", diff.columns_removed)):
        for name in names:
            shifts.add_row(Text(name), change)
    return Group(
        rows, Text(f"Labels: {labels or 'as before'}. Evaluation split: {same}."), "", shifts
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table
