"""Turn an Arrow table into examples: assign roles and types to its columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.core.column_rules import ColumnRules, ValueKind
from retread.data.integrity import content_columns, row_digests
from retread.data.source import SourceExamples, SourceRequest
from retread.data.split_plan import split_column
from retread.data.splits import given_splits
from retread.data.store import DIGEST, GROUP, KEYS, LABEL, SOURCE, SPLIT, TIMESTAMP
from retread.data.version import Column, ColumnKind

_RESERVED = {*KEYS, SOURCE, TIMESTAMP}
_MAX_LABELS = 1000
_EMPTY_HINT = (
    "In CSV files, NA, N/A, NaN and null also count as empty; spell such values differently."
)


def gather_table(table: pa.Table, name: str, request: SourceRequest) -> SourceExamples:
    """Turn a table into examples, as the settings of the request say.

    Args:
        table: A row per example.
        name: The name of the table in messages, and the source of its rows.
        request: The request, for its labels, settings and columns.

    Raises:
        InvalidInput: The table does not fit the request, or has values that cannot be used.
    """
    if not isinstance(table, pa.Table):  # the source may be the user's own
        raise InvalidInput(
            f"gather_table() was given an object of type {type(table).__name__} for {name}.",
            "Pass a pyarrow.Table, such as pyarrow.Table.from_pandas(frame); "
            "see retread.data.Source in docs/extending.md.",
        )
    settings = request.settings
    _check_names(table.column_names, name)
    features = _feature_names(table.column_names, request, name)
    rows: dict[str, pa.ChunkedArray] = {
        LABEL: _label(table, request.labels, name, regression=request.regression),
        GROUP: _group(table, settings.group, name),
        SOURCE: pa.array([name] * table.num_rows, pa.string()),
    }
    if settings.timestamp:
        rows[TIMESTAMP] = _timestamp(table, settings.timestamp, name)
    if column := split_column(settings.split):
        rows[SPLIT] = given_splits(table[column], column, name)
    by_name = {feature: table[feature] for feature in features}
    return gather_columns(rows, by_name, name, request.columns)


def gather_columns(
    rows: dict[str, pa.ChunkedArray],
    features: dict[str, pa.ChunkedArray],
    name: str,
    like: tuple[Column, ...] | None,
) -> SourceExamples:
    """Turn columns into examples.

    Args:
        rows: LABEL, SOURCE, and optionally ID, GROUP and TIMESTAMP.
        features: The feature columns, of any type.
        name: The name of the table in messages.
        like: Columns of a version, whose kinds the features are converted to; None to infer them.

    Raises:
        InvalidInput: A feature cannot be converted.
    """
    kinds = {column.name: column.kind for column in like or ()}
    typed = {f: _feature(values, f, name, kinds.get(f)) for f, values in features.items()}
    columns = like or tuple(Column(name=f, kind=_kind(values)) for f, values in typed.items())
    count = len(rows[LABEL])
    missing = pa.nulls(count, pa.timestamp("us", tz="UTC"))
    table = pa.table({TIMESTAMP: missing, GROUP: pa.nulls(count, pa.string()), **rows, **typed})
    digests = row_digests(table, content_columns(columns))
    return SourceExamples(
        columns=columns,
        rows=table.append_column(DIGEST, pa.array(digests, pa.string())),
        similarity_keys=row_digests(table, [column.name for column in columns]),
        rules=tuple(_rules(column, features[column.name]) for column in columns),
        label_rules=ColumnRules(
            name=LABEL,
            kind=ValueKind.NUMBER
            if pa.types.is_floating(table[LABEL].type)
            else ValueKind.CATEGORY,
        ),
    )


def to_timestamps(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert values to timestamps in UTC with microseconds; text is parsed as ISO 8601.

    Raises:
        pa.ArrowException: A value is not a timestamp.
    """
    if pa.types.is_temporal(values.type):
        zoned = getattr(values.type, "tz", None)
        plain = values if zoned else values.cast(pa.timestamp("us"))
        return plain.cast(pa.timestamp("us", tz="UTC"))
    text = values.cast(pa.string())
    try:
        return text.cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid:
        # Arrow needs different casts for times with and without a zone.
        return text.cast(pa.timestamp("us", tz="UTC"))


def _check_names(names: Sequence[str], table: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidInput(
            f"{table} has more than one column {repeated[0]!r}.", "Give each column its own name."
        )
    taken = [name for name in names if name in _RESERVED or not name.strip()]
    if taken:
        raise InvalidInput(
            f"{table} has a column {taken[0]!r}, which is a reserved or blank name.",
            "Rename the column.",
        )


def _feature_names(names: Sequence[str], request: SourceRequest, table: str) -> list[str]:
    settings = request.settings
    previous = [column.name for column in request.columns or ()]
    for setting, wanted in (
        ("--labels", [request.labels]),
        ("[data] features", settings.features),
        ("[data] exclude", settings.exclude),
        ("[data] group", [settings.group] if settings.group else []),
        ("[data] timestamp", [settings.timestamp] if settings.timestamp else []),
        ("[data] split", [split_column(settings.split)] if split_column(settings.split) else []),
        ("the previous version", previous),
    ):
        for name in wanted:
            if name not in names:
                raise InvalidInput(
                    f"{table} has no column {name!r}, which {setting} requires.",
                    f"Its columns are: {', '.join(names)}.",
                )
    roles = {request.labels, settings.group, settings.timestamp, *settings.exclude}
    roles.add(split_column(settings.split))
    features = [name for name in (settings.features or names) if name not in roles]
    if not features:
        raise InvalidInput(
            f"{table} has no column left to use as a feature.",
            f"Its columns are: {', '.join(names)}; see [data] features and exclude.",
        )
    return previous or features


def _label(table: pa.Table, label: str, name: str, *, regression: bool) -> pa.ChunkedArray:
    values = table[label]
    _check_plain(values, label, name, "label")
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_floating(values.type):
        # Arrow supports few operations on half floats.
        values = without_nan(values.cast(pa.float64()))
    if values.null_count:
        raise InvalidInput(
            f"The label column {label!r} of {name} is empty in {values.null_count} of "
            f"{len(values)} rows.",
            f"Fill in the labels, or remove these rows. {_EMPTY_HINT}",
        )
    if regression:
        return _target(values, label, name)
    if pa.types.is_floating(values.type) and pc.any(pc.not_equal(pc.floor(values), values)).as_py():
        raise InvalidInput(
            f"The label column {label!r} of {name} contains fractions, not class labels.",
            'To predict numbers, set [recipe] kind = "tabular-regression".',
        )
    text = _text(values, label, name)
    distinct = pc.count_distinct(text).as_py()
    if distinct > _MAX_LABELS:
        raise InvalidInput(
            f"The label column {label!r} of {name} has {distinct} distinct values.",
            f"At most {_MAX_LABELS} class labels are allowed. To predict numbers, set "
            '[recipe] kind = "tabular-regression".',
        )
    return text


def _target(values: pa.ChunkedArray, label: str, name: str) -> pa.ChunkedArray:
    try:
        target = values.cast(pa.float64())
    except pa.ArrowException as error:
        raise InvalidInput(
            f"The target column {label!r} of {name} does not contain numbers: {error}."
        ) from error
    if not np.isfinite(target.to_numpy()).all():
        raise InvalidInput(f"The target column {label!r} of {name} contains infinite values.")
    return target


def _group(table: pa.Table, group: str, name: str) -> pa.ChunkedArray:
    if not group:
        return pa.nulls(table.num_rows, pa.string())
    _check_plain(table[group], group, name, "group")
    values = _text(table[group], group, name)
    if values.null_count:
        raise InvalidInput(
            f"The group column {group!r} of {name} is empty in {values.null_count} rows.",
            "Fill it in: rows that belong together could otherwise end up in different splits. "
            f"{_EMPTY_HINT}",
        )
    return values


def _timestamp(table: pa.Table, column: str, name: str) -> pa.ChunkedArray:
    try:
        values = to_timestamps(table[column])
    except pa.ArrowException as error:
        raise InvalidInput(
            f"The timestamp column {column!r} of {name} does not contain timestamps: {error}.",
            "Use ISO 8601, such as 2012-01-31T17:00:00.",
        ) from error
    if values.null_count:
        raise InvalidInput(
            f"The timestamp column {column!r} of {name} is empty in {values.null_count} rows."
        )
    return values


def _feature(
    values: pa.ChunkedArray, column: str, name: str, wanted: ColumnKind | None
) -> pa.ChunkedArray:
    kind = values.type
    if pa.types.is_temporal(kind):
        raise InvalidInput(
            f"Column {column!r} of {name} contains timestamps, which cannot be used as a feature.",
            f'Set [data] timestamp = "{column}", or add it to [data] exclude.',
        )
    _check_plain(values, column, name, "feature")
    typed = _typed(values, column, name, wanted)
    # When rows are appended, the existing rows have values.
    if wanted is None and typed.null_count == len(typed):
        raise InvalidInput(
            f"Column {column!r} of {name} has no values.",
            "Remove it, or add it to [data] exclude.",
        )
    return typed


def _typed(
    values: pa.ChunkedArray, column: str, name: str, wanted: ColumnKind | None
) -> pa.ChunkedArray:
    kind = values.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if wanted is ColumnKind.CATEGORICAL or (wanted is None and not number):
        return _text(values, column, name)
    try:
        return without_nan(values.cast(pa.float64()))
    except pa.ArrowException as error:
        if wanted is None:
            raise InvalidInput(
                f"Column {column!r} of {name} contains numbers too large for float64: {error}.",
                "If they are identifiers, add the column to [data] exclude.",
            ) from error
        raise InvalidInput(
            f"Column {column!r} of {name} must contain numbers, as in the previous version: "
            f"{error}."
        ) from error


def _check_plain(values: pa.ChunkedArray, column: str, name: str, role: str) -> None:
    kind = values.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise InvalidInput(
            f"Column {column!r} of {name} contains non-UTF-8 bytes and cannot be used as a {role}.",
            "Save the file as UTF-8, or add the column to [data] exclude.",
        )
    if pa.types.is_nested(kind):
        raise InvalidInput(
            f"Column {column!r} of {name} contains {kind} values and cannot be used as a {role}.",
            "Choose another column, or add it to [data] exclude.",
        )


def _text(values: pa.ChunkedArray, column: str, name: str) -> pa.ChunkedArray:
    try:
        return values.cast(pa.string())
    except pa.ArrowException as error:
        raise InvalidInput(
            f"Column {column!r} of {name} cannot be converted from {values.type} to text.",
            "Add it to [data] exclude.",
        ) from error


def _rules(column: Column, values: pa.ChunkedArray) -> ColumnRules:
    if column.kind is ColumnKind.NUMERIC:
        return ColumnRules(name=column.name, kind=ValueKind.NUMBER)
    boolean = pa.types.is_boolean(values.type)
    kind = ValueKind.BOOLEAN if boolean else ValueKind.CATEGORY
    return ColumnRules(name=column.name, kind=kind)


def without_nan(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Replace NaN by null, so that missing values have one representation."""
    return pc.if_else(pc.is_nan(values), None, values)


def _kind(values: pa.ChunkedArray) -> ColumnKind:
    return ColumnKind.NUMERIC if pa.types.is_float64(values.type) else ColumnKind.CATEGORICAL
