"""Turn an Arrow table into examples: what each column is used as, and how its values are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.core.column_rules import ColumnRules, ValueKind, clean_text
from retread.core.listed import listed
from retread.data.integrity import content_columns
from retread.data.row_digests import CONTENT, RowDigests
from retread.data.row_numbers import FROM_ONE, RowNumbers
from retread.data.source import SourceExamples, SourceRequest
from retread.data.split_plan import split_column
from retread.data.splits import given_splits
from retread.data.store import DIGEST, GROUP, KEYS, LABEL, SOURCE, SPLIT, TIMESTAMP
from retread.data.tables import (
    Features,
    Question,
    ReadRole,
    is_saved_index,
    plain_values,
    read_features,
    read_groups,
    read_labels,
    read_row_times,
    read_targets,
    refuse_missing_header,
    shown,
    unused,
)
from retread.data.version import Column, ColumnDecision, ColumnKind, ColumnUse
from retread.project.settings import ColumnSection, ColumnType, DataSection

_RESERVED = {*KEYS, SOURCE, TIMESTAMP}
_THREADS = min(4, os.cpu_count() or 1)
_NO_NAME = "(no name)"


def gather_table(
    table: pa.Table,
    name: str,
    request: SourceRequest,
    *,
    names: Sequence[str] | None = None,
    numbers: RowNumbers = FROM_ONE,
    reading: str = "",
    semicolons: bool = False,
) -> SourceExamples:
    """Turn a table into examples, as the settings of the request say.

    Args:
        table: A row per example.
        name: The name of the table in messages, and the source of its rows.
        request: The request, for its labels, settings and columns.
        names: The names of its columns as the file has them; those of the table if not given.
        numbers: The numbers of its rows in the file, for messages.
        reading: In words, how the file was read.
        semicolons: Whether its cells were separated by semicolons.

    Raises:
        InvalidInput: The table does not fit the request, or has values that cannot be used.
    """
    _refuse_other_than_table(table, name)
    settings = request.settings
    names = names or table.column_names
    refuse_missing_header(names, table.columns, name)
    columns, left_out = _named_columns(table, names, name)
    wanted = _feature_names(list(columns), left_out, request, name, reading)

    def question(column: str) -> Question:
        options = _options(settings, column)
        return Question(column, columns[column], options, numbers, semicolons=semicolons)

    label = _label(question(request.labels), request, name)
    questions = [replace(question(c), wanted=c in settings.features) for c in wanted]
    features = read_features(questions, request, name, comma_file=_has_commas(label))
    if any(rules.decimal == "," for rules in features.rules):
        label = _label(replace(question(request.labels), comma_file=True), request, name)
    rows = {LABEL: label.values, SOURCE: pa.repeat(pa.scalar(name, pa.string()), table.num_rows)}
    decisions = [*left_out, _role(request.labels, ColumnUse.LABEL, label)]
    for key, values, decision in _read_roles(question, settings, name):
        rows[key] = values
        decisions.append(decision)
    features = _in_file_order(
        features, [*decisions, *_not_asked(columns, request, wanted)], columns
    )
    examples = gather_columns(rows, features, name, request.columns)
    return replace(
        examples,
        label_rules=label.rules,
        numbers=numbers,
        remarks=(f"Read as a table, {reading}.",) if reading else (),
        decisions=features.decisions,
        problems=tuple(filter(None, (label.problem, *features.problems))),
    )


def _refuse_other_than_table(table: object, name: str) -> None:
    if not isinstance(table, pa.Table):  # the source may be the user's own
        raise InvalidInput(
            f"gather_table() was given an object of type {type(table).__name__} for {name}.",
            "Pass a pyarrow.Table, such as pyarrow.Table.from_pandas(frame); "
            "see retread.data.Source in docs/extending.md.",
        )


def gather_columns(
    rows: dict[str, pa.ChunkedArray],
    features: Features,
    name: str,
    like: tuple[Column, ...] | None,
) -> SourceExamples:
    """Turn columns into examples.

    Args:
        rows: LABEL, SOURCE, and optionally ID, GROUP and TIMESTAMP.
        features: The feature columns, as they were read.
        name: The name of the table in messages.
        like: Columns of the version that rows are appended to; None to infer them.

    Raises:
        InvalidInput: A feature has no values.
    """
    columns = like or tuple(_column(rules) for rules in features.rules)
    count = len(rows[LABEL])
    # When rows are appended, the existing rows have values.
    empty = [c for c, values in features.values.items() if values.null_count == count]
    if empty and like is None:
        raise InvalidInput(
            f"Column {empty[0]!r} of {name} has no values.",
            "Remove it, or add it to [data] exclude.",
        )
    missing = pa.nulls(count, pa.timestamp("us", tz="UTC"))
    typed = {column.name: features.values[column.name] for column in columns}
    table = pa.table({TIMESTAMP: missing, GROUP: pa.nulls(count, pa.string()), **rows, **typed})
    digests = RowDigests(count, content_columns(columns))
    for column in columns:
        digests.add(table[column.name])
    similar = digests.texts(CONTENT)
    digests.add(table[TIMESTAMP])
    return SourceExamples(
        columns=columns,
        rows=table.append_column(DIGEST, digests.texts()),
        similarity_keys=similar,
        rules=features.rules,
    )


def rules_of(columns: Sequence[Column]) -> tuple[ColumnRules, ...]:
    """Return the rules of columns about which nothing else was decided."""
    kinds = {ColumnKind.NUMERIC: ValueKind.NUMBER, ColumnKind.CATEGORICAL: ValueKind.CATEGORY}
    return tuple(ColumnRules(name=column.name, kind=kinds[column.kind]) for column in columns)


def without_nan(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Replace NaN by null, so that missing values have one representation."""
    return pc.if_else(pc.is_nan(values), None, values)


def _named_columns(
    table: pa.Table, names: Sequence[str], name: str
) -> tuple[dict[str, pa.ChunkedArray], list[ColumnDecision]]:
    """Return the columns by their cleaned names, and what was decided about those left out."""
    columns: dict[str, pa.ChunkedArray] = {}
    left_out: list[ColumnDecision] = []
    for position, raw in enumerate(names):
        column, values = clean_text(raw), table.column(position)
        if is_saved_index(column, values, position):
            left_out.append(unused(column or _NO_NAME, "saved index", "never a feature"))
            continue
        if not column and _is_empty(values):
            left_out.append(unused(_NO_NAME, "empty", f"column {position + 1} has neither"))
            continue
        if column in columns:
            raise InvalidInput(
                f"{name} has more than one column {column!r}.", "Give each column its own name."
            )
        if column in _RESERVED or not column:
            raise InvalidInput(
                f"{name} has a column {column!r}, which is a reserved or blank name: it is column "
                f"{position + 1}, with values such as {_some(values)}.",
                "Rename the column, or remove the rows above the one with the names.",
            )
        columns[column] = values
    return columns, left_out


def _some(values: pa.ChunkedArray) -> str:
    """Name a value of a column."""
    known = (value for value in values.drop_null().to_pylist() if value != "")
    return shown(str(next(known, "")))


def _is_empty(values: pa.ChunkedArray) -> bool:
    if values.null_count == len(values):
        return True
    return pa.types.is_string(values.type) and bool(pc.all(pc.equal(values, "")).as_py())


def _feature_names(
    names: Sequence[str],
    unused_columns: Sequence[ColumnDecision],
    request: SourceRequest,
    table: str,
    reading: str,
) -> list[str]:
    settings = request.settings
    left_out = {one.name for one in unused_columns}
    previous = [column.name for column in request.columns or ()]
    for setting, wanted in (
        ("--labels", [request.labels]),
        ("[data] features", settings.features),
        ("[data] exclude", [one for one in settings.exclude if one not in left_out]),
        ("[data] group", [settings.group] if settings.group else []),
        ("[data] timestamp", [settings.timestamp] if settings.timestamp else []),
        ("[data.columns]", _described(settings, left_out)),
        ("[data] split", [split_column(settings.split)] if split_column(settings.split) else []),
        ("the previous version", previous),
    ):
        for name in wanted:
            if name in left_out:
                raise InvalidInput(
                    f"{setting} names {name!r} of {table}, which is the index that a data frame "
                    "was saved with, or has neither a name nor values. It is never read: it says "
                    "where a row stood, not what it is.",
                    "Take it out of the settings; if it is data after all, rename the column.",
                )
            if name not in names:
                raise InvalidInput(
                    f"{table} has no column {name!r}, which {setting} requires.",
                    f"Its columns are: {listed(names)}."
                    + (f" It was read as a table, {reading}." if reading else ""),
                )
    roles = {request.labels, settings.group, settings.timestamp, *settings.exclude}
    roles.add(split_column(settings.split))
    features = [name for name in (settings.features or names) if name not in roles]
    if not features:
        raise InvalidInput(
            f"{table} has no column left to use as a feature.",
            f"Its columns are: {listed(names)}; see [data] features and exclude.",
        )
    return previous or features


def _described(settings: DataSection, left_out: AbstractSet[str]) -> list[str]:
    """Return the columns that [data.columns] names, without left out ones that it ignores."""
    return [
        name
        for name, options in settings.columns.items()
        if name not in left_out or options.type is not ColumnType.IGNORE
    ]


def _label(question: Question, request: SourceRequest, table: str) -> ReadRole:
    if request.regression:
        return read_targets(question, table, request.label_rules)
    return read_labels(question, table, request.label_rules)


def _read_roles(
    question: Callable[[str], Question], settings: DataSection, table: str
) -> Iterator[tuple[str, pa.ChunkedArray, ColumnDecision]]:
    """Read the columns of group, time and split that there are."""
    if settings.group:
        group = read_groups(question(settings.group), table)
        yield GROUP, group.values, _role(settings.group, ColumnUse.GROUP, group)
    if settings.timestamp:
        time = read_row_times(question(settings.timestamp), table)
        yield TIMESTAMP, time.values, _role(settings.timestamp, ColumnUse.TIME, time)
    if column := split_column(settings.split):
        given = given_splits(
            plain_values(question(column).values, column), column, table, question(column).rows
        )
        yield SPLIT, given, ColumnDecision(name=column, use=ColumnUse.SPLIT, kind="split")


def _has_commas(role: ReadRole) -> bool:
    return role.rules is not None and role.rules.decimal == "," and not role.problem


def _not_asked(
    columns: dict[str, pa.ChunkedArray], request: SourceRequest, features: Sequence[str]
) -> list[ColumnDecision]:
    """Say of each column that is not read why it is not."""
    settings = request.settings
    roles = {request.labels, settings.group, settings.timestamp, *features}
    roles.add(split_column(settings.split))
    before = {decision.name for decision in request.decisions}
    decisions = []
    for name in columns:
        if name in roles:
            continue
        if name in settings.exclude:
            decisions.append(unused(name, "excluded", "[data] exclude"))
        elif settings.features and not request.columns:
            decisions.append(unused(name, "not among [data] features", ""))
        elif name in before:
            decisions.append(unused(name, "not used in the version before", ""))
        else:
            decisions.append(unused(name, "new", "the version before does not have it"))
    return decisions


def _in_file_order(
    features: Features, others: Sequence[ColumnDecision], columns: dict[str, pa.ChunkedArray]
) -> Features:
    order = {name: position for position, name in enumerate(columns)}
    decisions = sorted([*others, *features.decisions], key=lambda d: order.get(d.name, -1))
    return replace(features, decisions=tuple(decisions))


def _role(name: str, use: ColumnUse, read: ReadRole) -> ColumnDecision:
    kind = read.rules.kind.value if read.rules is not None else "time"
    return ColumnDecision(name=name, use=use, kind=kind, reason=read.reason)


def _column(rules: ColumnRules) -> Column:
    numeric = rules.kind is ValueKind.NUMBER
    kind = ColumnKind.NUMERIC if numeric else ColumnKind.CATEGORICAL
    return Column(name=rules.name, kind=kind)


def _options(settings: DataSection, column: str) -> ColumnSection:
    return settings.columns.get(column, ColumnSection())
