"""Tables without a header are refused, not read with their first row as names."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.datasets import load_iris

from retread.core import InvalidInput
from retread.data.first_look import look_at_table
from retread.data.source import SourceRequest
from retread.data.sources import table
from retread.project.settings import DataSection

IRIS = load_iris()
ROWS = [
    [*map(str, row), str(IRIS.target_names[kind])]
    for row, kind in zip(IRIS.data, IRIS.target, strict=True)
]


def written(folder: Path, rows: list[list[str]], separator: str = ",") -> Path:
    path = folder / "rows.csv"
    path.write_text("".join(separator.join(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("rows", "separator"),
    [
        (ROWS, ","),
        ([[cell.replace(".", ",") for cell in (*row, row[-1])] for row in ROWS], ";"),
        ([[*row[:1], *row] for row in ROWS], "\t"),  # two columns of one "name"
        ([["red", "small", "yes"], ["blue", "large", "no"]] * 30, ","),
    ],
    ids=["iris", "decimal commas", "a value twice", "words"],
)
def test_e35_a_first_row_is_not_taken_for_names(
    tmp_path: Path, rows: list[list[str]], separator: str
) -> None:
    path = written(tmp_path, rows, separator)
    with pytest.raises(InvalidInput, match="no header: its first row is '"):
        look_at_table(path)
    labels = rows[0][-1]
    with pytest.raises(InvalidInput, match="no header: its first row is '"):
        table.gather(SourceRequest(source=path, labels=labels, settings=DataSection(labels=labels)))


@pytest.mark.parametrize(
    "header",
    [
        ["a", "b", "c", "d", "kind"],
        ["5.1", "3.5", "1.4", "0.2", "kind"],
        ["400.5", "402.5", "404.5", "406.5", "setosa"],  # wavelengths
        ["1", "2", "3", "4", "5"],
    ],
)
def test_e35_names_that_are_numbers_stay_names(tmp_path: Path, header: list[str]) -> None:
    assert look_at_table(written(tmp_path, [header, *ROWS])).rows == len(ROWS)
