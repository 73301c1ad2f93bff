"""Messages name rows by the lines on which an editor shows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retread.core import InvalidInput
from retread.data.tables import read_file

from .conftest import Look, decided

HEADER = "temp,x,y"
ROWS = [f"{i * 1.37 + 0.5:.2f},{i},{'ab'[i % 2]}" for i in range(60)]
ODD = "?,5,a"

FILES = {
    "none": [HEADER, *ROWS[:10], ODD, *ROWS[10:]],
    "before": ["", "", HEADER, *ROWS[:10], ODD, *ROWS[10:]],
    "below the header": [HEADER, "", *ROWS[:10], ODD, *ROWS[10:]],
    "between rows": [HEADER, *ROWS[:3], "", "", *ROWS[3:10], "", ODD, *ROWS[10:], ""],
    "after every row": [
        line for row in (HEADER, *ROWS[:10], ODD, *ROWS[10:]) for line in (row, "")
    ],
    "lines in a cell": [HEADER, '1,"2\n\n3",a', *ROWS[:10], ODD, *ROWS[10:]],
    "what Excel declares": ["sep=,", HEADER, "", *ROWS[:10], ODD, *ROWS[10:], "", ""],
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("lines", FILES.values(), ids=FILES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_e35_rows_are_named_by_their_line(
    look: Look, lines: list[str], end: str, encoding: str
) -> None:
    if end == "\r" and lines[0] == "sep=,":
        pytest.skip("Excel ends its lines with a line feed")
    text = end.join(line.replace("\n", end) for line in lines)
    at = [line.strip() for line in text.split(end)].index(ODD) + 1
    examples = look(text.encode(encoding), columns={"x": "category"})
    assert f"row {at} '?'" in examples.problems[0]
    assert f"row {at} '?'" in decided(examples, "temp").reason
    with pytest.raises(InvalidInput, match=rf"row {at} '\?'"):
        look(text.encode(encoding), unreadable="refuse", columns={"x": "category"})


@pytest.mark.parametrize("lines", FILES.values(), ids=FILES)
def test_e35_labels_times_and_misfits_are_named_by_their_line(look: Look, lines: list[str]) -> None:
    for odd, settings in (
        ("7.5,5,", {}),
        ("7.5,yesterday,a", {"timestamp": "x"}),
        ("7.5,5,a,more", {}),
    ):
        changed = [odd if line == ODD else line for line in lines if line != '1,"2\n\n3",a']
        at = changed.index(odd) + 1
        if settings:
            changed = [re.sub(r",\d+,", ",2024-01-31,", line) for line in changed]
        with pytest.raises(InvalidInput, match=rf"(?i)row {at}\b"):
            look("\n".join(changed), **settings)


def test_e35_json_lines_and_quotes_within_cells(look: Look, tmp_path: Path) -> None:
    lines = ['{"temp": 1.5, "y": "a"}', "", '{"temp": "?", "y": "b"}', '{"temp": 2.5, "y": "a"}']
    lines += [f'{{"temp": {n}.5, "y": "b"}}' for n in range(40)]
    assert "row 3 '?'" in look("\n".join(lines), "t.jsonl").problems[0]
    # A quote that opens no cell makes lines unsure: rows are counted then.
    path = tmp_path / "t.csv"
    path.write_text('size,y\n5" pipe,a\n\n6" pipe,b\n7 pipe,b\n')
    assert read_file(path).rows.listed(3) == [2, 3, 4]
