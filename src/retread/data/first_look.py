"""A first look at a source that is new: its target, its time, and what should not be a feature.

`retread init --from` writes settings from it. What a look guesses is written down with its reason,
for a person to change; what `data add` makes of the source afterwards is checked by `data add`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput, NotFound
from retread.core.column_rules import ValueKind, clean_text
from retread.core.listed import listed
from retread.data.tables import (
    CONSTANT,
    ColumnVerdict,
    FileOptions,
    NotTimes,
    Question,
    TimeOptions,
    counts_rows,
    decide,
    has_commas,
    is_saved_index,
    read_cells,
    read_file,
    read_times,
    refuse_missing_header,
)
from retread.project.settings import ColumnSection

_TARGETS = ("target", "label", "class", "y", "outcome", "result")
_TIMES = ("timestamp", "datetime", "time", "date", "created_at", "created", "day")
_MAX_CLASSES = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """A column that was chosen for a role, or left out, and why."""

    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What a table seems to be.

    Attributes:
        rows: The number of its rows.
        target: The column to predict.
        classes: The labels with their counts, the most frequent first; empty for numbers.
        constant_error: The mean absolute error of always answering the median; 0 for classes.
        time: The column with the time of each row; None if there is none.
        saved_indexes: The columns that are never read: indexes of saved data frames.
        excluded: The columns that should not be features.
        features: The columns that are left.
        units: What the numbers of columns carry, by column.
    """

    rows: int
    target: Choice
    classes: dict[str, int]
    constant_error: float
    time: Choice | None
    saved_indexes: tuple[str, ...]
    excluded: tuple[Choice, ...]
    features: tuple[str, ...]
    units: dict[str, str]


def look_at_table(source: Path, target: str = "") -> FirstLook:
    """Look at a table.

    Args:
        source: The file.
        target: The column to predict. Default: one that is named like a target, or the last one.

    Raises:
        NotFound: There is no such file.
        InvalidInput: It is not a table, or it has no such column.
    """
    if not source.exists():
        raise NotFound(f"There is no file or folder {source}.", "Check the path after --from.")
    questions, saved_indexes = _read_columns(source)
    units = {name: unit for name, one in questions.items() if (unit := decide(one).unit)}
    for name, unit in units.items():
        questions[name] = replace(questions[name], options=ColumnSection(unit=unit))
    names = list(questions)
    if target and target not in names:
        raise InvalidInput(
            f"{source} has no column {target!r}, which --target names.",
            f"Its columns are: {listed(names)}.",
        )
    chosen = Choice(target, "named by --target") if target else _guess_target(names)
    others = [name for name in names if name != chosen.column]
    verdicts = {name: decide(questions[name]) for name in others}
    asked = replace(questions[chosen.column], comma_file=has_commas(verdicts.values()))
    classes, constant_error = _task(asked, source, chosen)
    time = _guess_time(questions, verdicts)
    excluded = tuple(
        Choice(name, reason)
        for name in others
        if (time is None or name != time.column)
        and (reason := _why_no_feature(questions[name], verdicts[name]))
    )
    left_out = {choice.column for choice in (*excluded, time) if choice}
    return FirstLook(
        rows=len(questions[names[0]].values),
        target=chosen,
        classes=classes,
        constant_error=constant_error,
        time=time,
        saved_indexes=saved_indexes,
        excluded=excluded,
        features=tuple(name for name in others if name not in left_out),
        units=units,
    )


def _read_columns(source: Path) -> tuple[dict[str, Question], tuple[str, ...]]:
    """Return the columns of a table, and the names of those that are saved indexes."""
    raw = read_file(source, FileOptions("", "", ""))
    refuse_missing_header(raw.names, raw.table.columns, str(source))
    columns = list(zip(map(clean_text, raw.names), raw.table.columns, strict=True))
    if not raw.table.num_rows:
        raise InvalidInput(f"{source} has no rows.", "Add rows below the header.")
    saved = {at for at, (name, values) in enumerate(columns) if is_saved_index(name, values, at)}
    questions = {
        name: Question(name, values, ColumnSection(), raw.rows, semicolons=raw.semicolons)
        for at, (name, values) in enumerate(columns)
        if name and at not in saved
    }
    if not questions:
        raise InvalidInput(
            f"{source} has no columns with names.", "Add a header that names the columns."
        )
    return questions, tuple(columns[at][0] for at in sorted(saved) if columns[at][0])


def _guess_target(names: list[str]) -> Choice:
    for wanted in _TARGETS:
        for name in names:
            if name.lower() == wanted:
                return Choice(name, f"the column is named {name!r}")
    return Choice(names[-1], "the last column; name another with --target")


def _task(question: Question, source: Path, chosen: Choice) -> tuple[dict[str, int], float]:
    """Return the classes, or for a target of numbers the error of always answering the median.

    Raises:
        InvalidInput: The column has no values to predict.
    """
    # What is asked for as a feature is read as it is, even if each row has its own value.
    rules = decide(replace(question, wanted=True)).rules
    known = read_cells(rules, question.values).values.drop_null() if rules else pa.array([])
    if rules is None or not len(known):
        raise InvalidInput(
            f"The column {chosen.column!r} of {source}, {chosen.reason}, has no values to predict.",
            "Name the column to predict with --target, and check that the table has rows.",
        )
    if rules.kind is ValueKind.NUMBER:
        numbers = known.to_numpy()
        if pc.count_distinct(known).as_py() > _MAX_CLASSES or bool((numbers % 1 != 0).any()):
            return {}, float(np.abs(numbers - np.median(numbers)).mean())
        known = known.cast(pa.int64()).cast(pa.string())
    counts = pc.value_counts(known).to_pylist()
    ranked = sorted(counts, key=lambda one: (-one["counts"], one["values"]))
    return {one["values"]: one["counts"] for one in ranked}, 0.0


def _guess_time(
    questions: dict[str, Question], verdicts: dict[str, ColumnVerdict]
) -> Choice | None:
    times = [name for name, verdict in verdicts.items() if verdict.kind == "time"]
    named = [name for name in times if name.lower() in _TIMES]
    typed = [name for name in times if pa.types.is_temporal(questions[name].values.type)]
    for name in (*named, *typed, *times):
        values = questions[name].values
        if not values.null_count and not _not_times(questions[name]):
            is_named = name in named
            return Choice(
                name,
                "its name and its values are those of times"
                if is_named
                else "its values are times",
            )
    return None


def _not_times(question: Question) -> str:
    """Return why a column cannot be read as times; empty if it can."""
    try:
        read_times(question.values, question.name, TimeOptions("", "", "", ()), question.rows)
    except NotTimes as error:
        return str(error)
    return ""


def _why_no_feature(question: Question, verdict: ColumnVerdict) -> str:
    """Return why a column should not be a feature; empty if it may be one."""
    if counts_rows(question.values):
        return "it counts the rows"
    if verdict.problem:  # `data add` asks about it, which an exclusion would hide
        return ""
    if verdict.kind == "time" and (problem := _not_times(question)):
        return problem.rstrip(".")
    if verdict.rules is None or verdict.kind == CONSTANT:
        return f"{verdict.kind}: {verdict.reason}" if verdict.reason else verdict.kind
    return ""
