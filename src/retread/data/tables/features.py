"""Decide about the feature columns of a table, and read them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa

from retread.core import InvalidInput
from retread.core.column_rules import ColumnRules, ValueKind, listed
from retread.data.source import SourceRequest
from retread.data.tables.cells import Positions, plain_values, read_cells
from retread.data.tables.decide import ColumnVerdict, Question, decide, toml_key
from retread.data.tables.roles import cells_named
from retread.data.tables.texts import shown
from retread.data.version import ColumnDecision, ColumnUse
from retread.project.settings import Unreadable

_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Features:
    """The feature columns of a table, as they were read.

    Attributes:
        rules: How the values of each are read.
        values: Their values by name: float64, or text.
        decisions: What was decided about each column, also about those that are not used.
        problems: What a person has to decide, one sentence each.
    """

    rules: tuple[ColumnRules, ...]
    values: dict[str, pa.ChunkedArray]
    decisions: tuple[ColumnDecision, ...] = ()
    problems: tuple[str, ...] = ()


def read_features(
    questions: list[Question], request: SourceRequest, table: str, *, comma_file: bool = False
) -> Features:
    """Decide what the columns are, unless the version before did, and read them.

    Args:
        questions: The columns.
        request: The request.
        table: The name of the table in messages.
        comma_file: Whether a column that is no feature has decimal commas for certain.

    Raises:
        InvalidInput: No column is left, or a column has cells that the settings do not allow.
    """
    before = {rules.name: rules for rules in request.rules} if request.columns else {}
    with ThreadPoolExecutor(_THREADS) as threads:
        if before:
            verdicts = [_as_before(before[question.name]) for question in questions]
        else:
            verdicts = list(threads.map(decide, questions))
            if comma_file or has_commas(verdicts):
                verdicts = _with_commas(questions, verdicts)
        _refuse_times(questions, verdicts, table)
        used = [(q, v) for q, v in zip(questions, verdicts, strict=True) if v.rules is not None]
        read = list(threads.map(lambda one: _read(one[0], one[1], request, table), used))
    if not used:
        kinds = [f"{q.name}: {v.kind}" for q, v in zip(questions, verdicts, strict=True)]
        raise InvalidInput(
            f"{table} has no column left to use as a feature: {listed(kinds)}.",
            "Name the ones to use in [data] features, or say what they are in [data.columns].",
        )
    left_out = [
        unused(q.name, v.kind, v.reason)
        for q, v in zip(questions, verdicts, strict=True)
        if v.rules is None
    ]
    problems = [v.problem for v in verdicts if v.problem] + [r.problem for r in read if r.problem]
    return Features(
        rules=tuple(v.rules for _, v in used if v.rules is not None),
        values={q.name: r.values for (q, _), r in zip(used, read, strict=True)},
        decisions=(*(r.decision for r in read), *left_out),
        problems=tuple(problems),
    )


def read_by(rules: Sequence[ColumnRules], table: pa.Table, name: str) -> Features:
    """Read the columns of a table by rules, without exceptions.

    Raises:
        InvalidInput: The rules cannot read a cell.
    """
    values = {}
    for rule in rules:
        cells = plain_values(table[rule.name], rule.name)
        read = read_cells(rule, cells)
        if len(read.unreadable):
            raise InvalidInput(_unreadable(rule, cells, read.unreadable, 1, name))
        values[rule.name] = read.values
    return Features(tuple(rules), values)


def unused(name: str, kind: str, reason: str = "") -> ColumnDecision:
    """Return the decision not to use a column."""
    return ColumnDecision(name=name, use=ColumnUse.UNUSED, kind=kind, reason=reason)


@dataclass(frozen=True, slots=True)
class _ReadFeature:
    values: pa.ChunkedArray
    decision: ColumnDecision
    problem: str


def _read(
    question: Question, verdict: ColumnVerdict, request: SourceRequest, table: str
) -> _ReadFeature:
    rules = verdict.rules
    assert rules is not None
    cells = plain_values(question.values, question.name)
    read = read_cells(rules, cells)
    reasons, problem = [verdict.reason], ""
    policy = request.settings.unreadable
    if len(read.unreadable):
        named = cells_named(cells, read.unreadable, question.first_row)
        problem = _unreadable(rules, cells, read.unreadable, question.first_row, table)
        if policy is Unreadable.REFUSE:
            raise InvalidInput(problem)
        if request.columns and read.values.null_count == len(cells):
            raise InvalidInput(
                f"Column {question.name!r} of {table} must contain {rules.kind}s, as in the "
                f"previous version: {named}."
            )
        reasons.append(f"cannot be read: {named}")
    if policy is Unreadable.MISSING:
        problem = ""
    empty = read.values.null_count
    if empty:
        reasons.append(f"{empty} missing")
    reason = "; ".join(part for part in reasons if part)
    decision = ColumnDecision(
        name=question.name, use=ColumnUse.FEATURE, kind=verdict.kind, reason=reason
    )
    return _ReadFeature(read.values, decision, problem)


def _unreadable(
    rules: ColumnRules, cells: pa.ChunkedArray, positions: Positions, first_row: int, table: str
) -> str:
    named = cells_named(cells, positions, first_row)
    first = shown(str(cells[int(positions[0])].as_py()))
    count = "a cell" if len(positions) == 1 else f"{len(positions)} cells"
    return (
        f"Column {rules.name!r} of {table} is read as {rules.kind}, and {count} cannot be: {named}."
        f" Correct them, or say what they mean: [data.columns] {toml_key(rules.name)} = "
        f'{{missing = [{first}]}} or "category"; or set [data] unreadable = "missing".'
    )


def _as_before(rules: ColumnRules) -> ColumnVerdict:
    return ColumnVerdict(rules.kind.value, rules, "as in the version before")


def has_commas(verdicts: Iterable[ColumnVerdict]) -> bool:
    """Return whether a column has decimal commas for certain."""
    clear = (verdict.rules for verdict in verdicts if not verdict.problem)
    return any(rules is not None and rules.decimal == "," for rules in clear)


def _with_commas(questions: list[Question], verdicts: list[ColumnVerdict]) -> list[ColumnVerdict]:
    """Decide again about numbers with points where another column has decimal commas."""
    return [
        decide(replace(question, comma_file=True))
        if verdict.rules is not None and verdict.rules.kind is ValueKind.NUMBER
        else verdict
        for question, verdict in zip(questions, verdicts, strict=True)
    ]


def _refuse_times(questions: list[Question], verdicts: list[ColumnVerdict], table: str) -> None:
    for question, verdict in zip(questions, verdicts, strict=True):
        if verdict.kind == "time" and question.wanted:
            raise InvalidInput(
                f"Column {question.name!r} of {table} contains timestamps, which cannot be used as "
                "a feature.",
                f'Set [data] timestamp = "{question.name}", or take it out of [data] features.',
            )
