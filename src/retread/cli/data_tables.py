"""Format dataset versions, and the differences between two of them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group
from rich.text import Text

from retread.cli.listing import Listing, ListingColumn
from retread.cli.times import shown_time
from retread.core import Outcome, short
from retread.data import ColumnUse, DatasetVersion, Diff, Split

_STYLES = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.INCONCLUSIVE: "yellow"}
_STATISTICS = ("mean", "sd", "min", "q50", "max", "missing", "distinct")
_PROFILE = (
    "mean",
    "sd",
    ListingColumn("min", drop=1),
    ListingColumn("q50", drop=2),
    ListingColumn("max", drop=1),
    "missing",
    ListingColumn("distinct", drop=3),
)
_SHIFTS_SHOWN = 20
_WIDTH = 80
_NAME_WIDTH = 24


def version_line(version: DatasetVersion) -> str:
    """Format rows, splits, labels and state of a version in one line."""
    splits = ", ".join(f"{split} {version.splits.get(split, 0)}" for split in Split)
    labels = ", ".join(f"{label} {count}" for label, count in version.labels.items())
    return f"{version.rows} rows ({splits}){'; ' if labels else ''}{labels}; {version.state}"


def findings(version: DatasetVersion) -> list[str]:
    """Return what was chosen for a version, and what its checks tell, a sentence each."""
    lines = [version.split_plan.reason] if version.split_plan else []
    if version.positive_label is not None:
        lines.append(
            f"Positive class: {version.positive_label!r}, with "
            f"{version.labels.get(version.positive_label, 0) / version.rows:.1%} of the rows; "
            "[recipe] positive_label chooses another."
        )
    return [*lines, *(f"Note ({check.check}): {check.reason}" for check in version.notices)]


def column_lines(version: DatasetVersion, width: int | None = _WIDTH) -> list[str]:
    """Format what was decided about each column of a table, in a line each.

    Args:
        version: The version.
        width: Where to cut long lines; None for nowhere.
    """
    lines = []
    names = min(max((len(d.name) for d in version.decisions), default=0), _NAME_WIDTH)
    for decision in version.decisions:
        kind = decision.kind
        if decision.use is not ColumnUse.FEATURE:
            kind = f"{decision.use}: {kind}"
        line = f"  {decision.name:<{names}}  {kind}"
        if decision.reason:
            line += f" ({decision.reason})"
        lines.append(line if width is None or len(line) <= width else f"{line[: width - 1]}…")
    return lines


def versions_table(versions: Iterable[DatasetVersion]) -> Listing:
    """Format versions, one per line."""
    table = Listing(
        "",
        "version",
        "state",
        "rows",
        ListingColumn("created", drop=1),
        ListingColumn("digest", drop=3),
        ListingColumn("evaluation", drop=4),
        ListingColumn("note", wrap=True),
    )
    for version in versions:
        table.add(
            version.reference,
            version.state,
            str(version.rows),
            shown_time(version.created_at),
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
            "created": shown_time(version.created_at),
            "note": version.note,
            "split": version.split_plan.reason if version.split_plan else "",
            "positive class": version.positive_label or "",
        }.items()
        if value
    ]
    checks = Listing("Checks", "check", "outcome", ListingColumn("reason", wrap=True))
    for check in version.checks:
        outcome = Text(check.outcome, style=_STYLES[check.outcome])
        if check.notice:
            outcome = Text("note", style="yellow")
        checks.add(check.check, outcome, Text(check.reason))
    profile = Listing("Profile", ListingColumn("column", wrap=True), *_PROFILE)
    for name, statistics in version.profile.items():
        cells = [f"{statistics[s]:.4g}" if s in statistics else "" for s in _STATISTICS]
        profile.add(Text(name), *cells)
    remarks = [f"{'':<18}{remark}" for remark in version.remarks]
    columns = column_lines(version, width=None)
    return Group(Text("\n".join([*facts, *remarks, *columns])), "", checks, "", profile)


def diff_page(diff: Diff) -> Group:
    """Format what changed, with examples, and the columns whose values shifted most."""
    rows = Listing(
        f"{diff.left} to {diff.right}", "rows", "count", ListingColumn("examples", wrap=True)
    )
    for kind in ("added", "removed", "relabelled", "moved"):
        examples = Text(", ".join(diff.examples[kind]))
        rows.add(kind, str(getattr(diff, kind)), examples)
    labels = ", ".join(f"{label} {change:+d}" for label, change in diff.labels.items() if change)
    same = "unchanged" if diff.same_evaluation else "changed: compare models with care"
    shifts = Listing("Columns", ListingColumn("column", wrap=True), "shift")
    largest = sorted(diff.shifts.items(), key=lambda item: -item[1])[:_SHIFTS_SHOWN]
    for name, shift in largest:
        shifts.add(Text(name), f"{shift:.3f}")
    for change, names in (("new", diff.columns_added), ("removed", diff.columns_removed)):
        for name in names:
            shifts.add(Text(name), change)
    return Group(
        rows, Text(f"Labels: {labels or 'unchanged'}. Evaluation split: {same}."), "", shifts
    )
