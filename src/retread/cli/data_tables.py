"""Format dataset versions, and the differences between two of them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group
from rich.text import Text

from retread.cli.listing import Column, Listing
from retread.cli.times import local_time
from retread.core import Outcome, short
from retread.data import DatasetVersion, Diff, Split

_STYLES = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.INCONCLUSIVE: "yellow"}
_STATISTICS = ("mean", "sd", "min", "q50", "max", "missing", "distinct")
_PROFILE = (
    "mean",
    "sd",
    Column("min", drop=1),
    Column("q50", drop=2),
    Column("max", drop=1),
    "missing",
    Column("distinct", drop=3),
)
_SHIFTS_SHOWN = 20


def version_line(version: DatasetVersion) -> str:
    """Format rows, splits, labels and state of a version in one line."""
    splits = ", ".join(f"{split} {version.splits.get(split, 0)}" for split in Split)
    labels = ", ".join(f"{label} {count}" for label, count in version.labels.items())
    return f"{version.rows} rows ({splits}){'; ' if labels else ''}{labels}; {version.state}"


def versions_table(versions: Iterable[DatasetVersion]) -> Listing:
    """Format versions, one per line."""
    table = Listing(
        "",
        "version",
        "state",
        "rows",
        Column("created", drop=1),
        Column("digest", drop=3),
        Column("evaluation", drop=4),
        Column("note", wrap=True),
    )
    for version in versions:
        table.add(
            version.reference,
            version.state,
            str(version.rows),
            local_time(version.created_at),
            short(version.digest),
            short(version.evaluation_digest),
            Text(version.note),
        )
    return table


def version_page(version: DatasetVersion) -> Group:
    """Format digests, checks and profile of a version."""
    # Lines, not a table: users copy digests, and a table would truncate them to its width.
    facts = [
        f"{name:<18}{value}"
        for name, value in {
            "version": version.reference,
            "digest": version.digest,
            "evaluation split": version.evaluation_digest,
            "rows": version_line(version),
            "source": version.source,
            "created": local_time(version.created_at),
            "note": version.note,
        }.items()
        if value
    ]
    checks = Listing("Checks", "check", "outcome", Column("reason", wrap=True))
    for check in version.checks:
        outcome = Text(check.outcome, style=_STYLES[check.outcome])
        checks.add(check.check, outcome, Text(check.reason))
    profile = Listing("Profile", Column("column", wrap=True), *_PROFILE)
    for name, statistics in version.profile.items():
        cells = [f"{statistics[s]:.4g}" if s in statistics else "" for s in _STATISTICS]
        profile.add(Text(name), *cells)
    return Group(Text("\n".join(facts)), "", checks, "", profile)


def diff_page(diff: Diff) -> Group:
    """Format what changed, with examples, and the columns whose values shifted most."""
    rows = Listing(f"{diff.left} to {diff.right}", "rows", "count", Column("examples", wrap=True))
    for kind in ("added", "removed", "relabelled", "moved"):
        examples = Text(", ".join(diff.examples[kind]))
        rows.add(kind, str(getattr(diff, kind)), examples)
    labels = ", ".join(f"{label} {change:+d}" for label, change in diff.labels.items() if change)
    same = "unchanged" if diff.same_evaluation else "changed: compare models with care"
    shifts = Listing("Columns", Column("column", wrap=True), "shift")
    largest = sorted(diff.shifts.items(), key=lambda item: -item[1])[:_SHIFTS_SHOWN]
    for name, shift in largest:
        shifts.add(Text(name), f"{shift:.3f}")
    for change, names in (("new", diff.columns_added), ("removed", diff.columns_removed)):
        for name in names:
            shifts.add(Text(name), change)
    return Group(
        rows, Text(f"Labels: {labels or 'unchanged'}. Evaluation split: {same}."), "", shifts
    )
