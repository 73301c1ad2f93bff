"""From any Arrow table to examples: which column is what, and with which type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.data.content import content_names, row_digests
from retread.data.gathered import SourceExamples, SourceRequest
from retread.data.store import DIGEST, GROUP, KEYS, LABEL, SOURCE, TIMESTAMP
from retread.data.version import Column, ColumnKind

_RESERVED = {*KEYS, SOURCE, TIMESTAMP}
_MOST_LABELS = 1000
_EMPTY_WORDS = "In a CSV file NA, N/A, NaN and null mean empty too: spell such values otherwise."


def gather_table(table: pa.Table, name: str, request: SourceRequest) -> SourceExamples:
    """Examples of `table`; `name` stands for it in messages. InvalidInput."""
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
    return examples(rows, {feature: table[feature] for feature in features}, name, request.columns)


def examples(
    rows: dict[str, pa.ChunkedArray],
    features: dict[str, pa.ChunkedArray],
    name: str,
    like: tuple[Column, ...] | None,
) -> SourceExamples:
    """Examples from the columns every dataset has, and features of any type.

    With `like`, features take the kinds of these columns. InvalidInput where they cannot.
    """
    kinds = {column.name: column.kind for column in like or ()}
    typed = {f: _feature(values, f, name, kinds.get(f)) for f, values in features.items()}
    columns = like or tuple(Column(name=f, kind=_kind(values)) for f, values in typed.items())
    count = len(rows[LABEL])
    missing = pa.nulls(count, pa.timestamp("us", tz="UTC"))
    table = pa.table({TIMESTAMP: missing, GROUP: pa.nulls(count, pa.string()), **rows, **typed})
    digests = row_digests(table, content_names(columns))
    return SourceExamples(
        columns=columns,
        rows=table.append_column(DIGEST, pa.array(digests, pa.string())),
        nearness=row_digests(table, [column.name for column in columns]),
    )


def times(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Timestamps in UTC, to the microsecond; text is read as ISO 8601. pa.ArrowException."""
    if pa.types.is_temporal(values.type):
        zoned = getattr(values.type, "tz", None)
        plain = values if zoned else values.cast(pa.timestamp("us"))
        return plain.cast(pa.timestamp("us", tz="UTC"))
    text = values.cast(pa.string())
    try:
        return text.cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid:
        # Arrow reads times with a zone and times without one by different casts.
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
            f"{table} has a column {taken[0]!r}, a name that is not free.", "Rename the column."
        )


def _feature_names(names: Sequence[str], request: SourceRequest, table: str) -> list[str]:
    settings = request.settings
    before = [column.name for column in request.columns or ()]
    for setting, wanted in (
        ("--labels", [request.labels]),
        ("[data] features", settings.features),
        ("[data] exclude", settings.exclude),
        ("[data] group", [settings.group] if settings.group else []),
        ("[data] timestamp", [settings.timestamp] if settings.timestamp else []),
        ("the version before", before),
    ):
        for name in wanted:
            if name not in names:
                raise InvalidInput(
                    f"{table} has no column {name!r}, which {setting} names.",
                    f"Its columns are: {', '.join(names)}.",
                )
    roles = {request.labels, settings.group, settings.timestamp, *settings.exclude}
    features = [name for name in (settings.features or names) if name not in roles]
    if not features:
        raise InvalidInput(
            f"No column of {table} is left as a feature.",
            f"Its columns are: {', '.join(names)}; see [data] features and exclude.",
        )
    return before or features


def _label(table: pa.Table, label: str, name: str, *, regression: bool) -> pa.ChunkedArray:
    values = table[label]
    _check_plain(values, label, name, "label")
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_floating(values.type):
        # There is little that Arrow can do with halves.
        values = without_nan(values.cast(pa.float64()))
    if values.null_count:
        raise InvalidInput(
            f"The label column {label!r} of {name} is empty in {values.null_count} of "
            f"{len(values)} rows.",
            f"Fill them in, or take these rows out. {_EMPTY_WORDS}",
        )
    if regression:
        return _target(values, label, name)
    if pa.types.is_floating(values.type) and pc.any(pc.not_equal(pc.floor(values), values)).as_py():
        raise InvalidInput(
            f"The label column {label!r} of {name} holds fractions, not labels.",
            'To predict numbers, set [recipe] kind = "tabular-regression".',
        )
    text = _text(values, label, name)
    distinct = pc.count_distinct(text).as_py()
    if distinct > _MOST_LABELS:
        raise InvalidInput(
            f"The label column {label!r} of {name} has {distinct} different values.",
            f"At most {_MOST_LABELS} labels are allowed; is it a number to predict "
            '([recipe] kind = "tabular-regression")?',
        )
    return text


def _target(values: pa.ChunkedArray, label: str, name: str) -> pa.ChunkedArray:
    try:
        target = values.cast(pa.float64())
    except pa.ArrowException as error:
        raise InvalidInput(
            f"The target column {label!r} of {name} does not hold numbers: {error}."
        ) from error
    if not np.isfinite(target.to_numpy()).all():
        raise InvalidInput(f"The target column {label!r} of {name} holds infinite values.")
    return target


def _group(table: pa.Table, group: str, name: str) -> pa.ChunkedArray:
    if not group:
        return pa.nulls(table.num_rows, pa.string())
    _check_plain(table[group], group, name, "group")
    values = _text(table[group], group, name)
    if values.null_count:
        raise InvalidInput(
            f"The group column {group!r} of {name} is empty in {values.null_count} rows.",
            "Fill it in: rows without a group could end up on both sides of a split. "
            f"{_EMPTY_WORDS}",
        )
    return values


def _timestamp(table: pa.Table, column: str, name: str) -> pa.ChunkedArray:
    try:
        values = times(table[column])
    except pa.ArrowException as error:
        raise InvalidInput(
            f"The timestamp column {column!r} of {name} does not hold times: {error}.",
            "Write them like 2012-01-31T17:00:00.",
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
            f"Column {column!r} of {name} holds times, which are no feature.",
            f'Set [data] timestamp = "{column}", or add it to [data] exclude.',
        )
    _check_plain(values, column, name, "feature")
    typed = _typed(values, column, name, wanted)
    # When rows are appended, the rows before have values.
    if wanted is None and typed.null_count == len(typed):
        raise InvalidInput(
            f"Column {column!r} of {name} has no values at all.",
            "Take it out, or add it to [data] exclude.",
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
                f"Column {column!r} of {name} holds numbers that float64 cannot hold: {error}.",
                "If they name the rows, add it to [data] exclude.",
            ) from error
        raise InvalidInput(
            f"Column {column!r} of {name} does not hold numbers, as before: {error}."
        ) from error


def _check_plain(values: pa.ChunkedArray, column: str, name: str, role: str) -> None:
    kind = values.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise InvalidInput(
            f"Column {column!r} of {name} holds bytes that are no UTF-8 text, which is no {role}.",
            "Save the file as UTF-8, or add the column to [data] exclude.",
        )
    if pa.types.is_nested(kind):
        raise InvalidInput(
            f"Column {column!r} of {name} holds {kind}, which is no {role}.",
            "Name another column, or add it to [data] exclude.",
        )


def _text(values: pa.ChunkedArray, column: str, name: str) -> pa.ChunkedArray:
    try:
        return values.cast(pa.string())
    except pa.ArrowException as error:
        raise InvalidInput(
            f"Column {column!r} of {name} holds {values.type}, which cannot be read as text.",
            "Add it to [data] exclude.",
        ) from error


def without_nan(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """NaN becomes null: one way to say that a value is missing."""
    return pc.if_else(pc.is_nan(values), None, values)


def _kind(values: pa.ChunkedArray) -> ColumnKind:
    return ColumnKind.NUMERIC if pa.types.is_float64(values.type) else ColumnKind.CATEGORICAL
