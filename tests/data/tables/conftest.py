"""Small tables as people have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from retread.data import ColumnDecision, SourceExamples, SourceRequest, read_source
from retread.project.settings import DataSection

Look = Callable[..., SourceExamples]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Read a table as `data add` does, and decide about its columns."""

    def run(
        content: str | bytes | Path, name: str = "t.csv", *, labels: str = "y",
        regression: bool = False, **settings: object,
    ) -> SourceExamples:  # fmt: skip
        path = content if isinstance(content, Path) else tmp_path / name
        if isinstance(content, str | bytes):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        section = DataSection.model_validate(settings)
        return read_source(
            SourceRequest(source=path, labels=labels, settings=section, regression=regression)
        )

    return run


def column(name: str, cells: list[str], sep: str = ",") -> str:
    """Return a CSV with this column, a number `x`, and labels `y`."""
    rows = [
        sep.join([cell, str(i % 7 + i), "ab"[i % 2]])
        for i, cell in enumerate(cells)
    ]  # fmt: skip
    return "\n".join([sep.join([name, "x", "y"]), *rows]) + "\n"


def decided(examples: SourceExamples, name: str) -> ColumnDecision:
    """Return what was decided about a column."""
    return next(decision for decision in examples.decisions if decision.name == name)


def values(examples: SourceExamples, name: str) -> list[object]:
    """Return the values of a column."""
    return list(examples.rows[name].to_pylist())
