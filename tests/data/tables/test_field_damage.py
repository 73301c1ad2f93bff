"""Files that are damaged, odd or written by other programs: read rightly, told, or refused."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest

from retread.core import InvalidInput
from retread.data import LABEL, TIMESTAMP

from .conftest import Look, column, decided, values

ROWS = [f"{i}.5,{2 * i},pipe{i % 3},{'ab'[i % 2]}" for i in range(40)]
HEAD = "x,n,t,y"


def lines(*rows: str, end: str = "\n") -> str:
    return end.join([*rows, ""])


@pytest.mark.parametrize("above", ["\n", "\n\n\n", "  \n\t\n", "\r\n\r\n", "sep=,\n\n"])
def test_blank_lines_above_the_header_are_passed_over(look: Look, above: str) -> None:
    examples = look(above + lines(HEAD, *ROWS))
    assert (values(examples, "x")[0], examples.rows.num_rows) == (0.5, 40)
    number = above.count("\n") + 2
    odd = look(above + lines(HEAD, ROWS[0].replace("0.5", "?"), *ROWS[1:]))
    assert f"row {number} '?'" in odd.problems[0]
    with pytest.raises(InvalidInput, match=rf"^Row {number + 2} of t\.csv has 2 cells"):
        look(above + lines(HEAD, *ROWS[:2], "1,2", *ROWS[2:]))


@pytest.mark.parametrize("content", ["\n", "\ufeff", " \n \n", "\r\n\r\n"])
def test_a_file_without_text_has_no_rows(look: Look, content: str) -> None:
    with pytest.raises(InvalidInput, match="has no rows: the file is empty"):
        look(content)


@pytest.mark.parametrize(("first", "second"), [(20, 30), (20, 21), (3, 39)])
def test_rows_that_an_open_quote_swallows_are_told(look: Look, first: int, second: int) -> None:
    rows = list(ROWS)
    for position in (first, second):
        rows[position] = rows[position].replace("pipe", '"pipe')
    examples = look(lines(HEAD, *rows))
    assert f"row {first + 2} has a quote that may enclose whole rows" in examples.remarks[0]
    proper = [row.replace("pipe", '"pipe, long\nand "').replace(",a", '",a') for row in ROWS]
    assert "enclose" not in look(lines(HEAD, *[r for r in proper if r.endswith("a")])).remarks[0]


@pytest.mark.parametrize(("nul", "line"), [("10\0.5", 12), ("a\0b", 3)])
def test_a_zero_byte_is_named_by_its_line(look: Look, nul: str, line: int) -> None:
    rows = [HEAD, *ROWS]
    rows[line - 1] = f"{nul},1,t,a"
    with pytest.raises(InvalidInput, match=f"zero bytes, the first in line {line}"):
        look(lines(*rows))


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be", "utf-32"])
def test_d1_utf_32_is_read_with_and_without_its_mark(look: Look, encoding: str) -> None:
    examples = look(lines("온도,y", *[f"{i}.5,{'불량' if i % 2 else 'ok'}" for i in range(30)])
                    .encode(encoding))  # fmt: skip
    assert values(examples, "온도")[1] == 1.5
    assert values(examples, LABEL)[1] == "불량"


def test_d1_an_encoding_that_was_guessed_is_told_with_words(look: Look) -> None:
    text = lines("x,y", *[f"{i},{'合格' if i % 2 else '返工'}" for i in range(30)])
    remark = look(text.encode("gb18030")).remarks[0]
    assert "[data] encoding, if these are no words: " in remark


@pytest.mark.parametrize("sentinel", ["-999", "9999", "-99.0", "999999"])
def test_d4_nines_far_from_all_others_are_told_with_a_cure(look: Look, sentinel: str) -> None:
    cells = [sentinel if i % 8 == 3 else f"{i % 7}.25" for i in range(40)]
    reason = decided(look(column("c", cells)), "c").reason
    plain = sentinel.removesuffix(".0")
    assert f"{plain} in 5 rows is far from the others" in reason
    assert f'[data.columns] c = {{missing = ["{plain}"]}}' in reason
    near = [str(i * 37 % 1000) for i in range(39)] + ["999"]
    assert "far from" not in decided(look(column("c", near)), "c").reason


@pytest.mark.parametrize(
    ("odd", "told"),
    [("NaN", ""), ("-Infinity", "row 4 '-inf'"), ("Infinity", "row 4 'inf'"),
     ("1e999", "row 4 'inf'")],
)  # fmt: skip
def test_d4_json_lines_of_python_are_read(look: Look, odd: str, told: str) -> None:
    rows = [f'{{"x": {odd if i == 3 else i}, "y": "{"ab"[i % 2]}"}}' for i in range(40)]
    examples = look(lines(*rows), "t.jsonl")
    assert values(examples, "x")[2:5] == [2.0, None, 4.0]
    assert told in " ".join(examples.problems)


@pytest.mark.parametrize(
    ("row", "told"),
    [('{"x": 1, "x": 2, "y": "a"}', "Line 3 of t.jsonl has 'x' twice"),
     ('{"x": 1, "y": "\\ud800"}', "Line 3 of t.jsonl is not a JSON object"),
     ('{"x": 1, "y": ', "Line 3 of t.jsonl is not a JSON object")],
)  # fmt: skip
def test_a_bad_line_of_json_is_named(look: Look, row: str, told: str) -> None:
    good = json.dumps({"x": 1, "at": "10:30", "y": "a"})
    with pytest.raises(InvalidInput, match=told):
        look(lines(good, good, row), "t.jsonl")


def workbook(path: Path, *sheets: tuple[str, str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, state, rows in sheets:
        sheet = book.create_sheet(name)
        sheet.sheet_state = state
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


CELLS: list[list[object]] = [["x", "y"], *[[i + 0.5, "ab"[i % 2]] for i in range(30)]]


def test_a_hidden_sheet_is_not_the_first(look: Look, tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", ("old", "hidden", [["junk"], [1]]),
                    ("data", "visible", CELLS))  # fmt: skip
    assert values(look(path), "x")[1] == 1.5


@pytest.mark.parametrize(
    ("rows", "told"),
    [([["About this file"]], "has no rows: it was read as the sheet cover.*see .data. sheet"),
     ([["About"], ["by me"]], "no column 'y'.*read as a table, the sheet cover.*see .data. sheet"),
     ([["Report"], [], *CELLS], "blank name: it is column 2, with values such as 'y'.*above")],
)  # fmt: skip
def test_a_sheet_that_is_no_table_is_named(
    look: Look, rows: list[list[object]], told: str, tmp_path: Path
) -> None:
    path = workbook(tmp_path / "b.xlsx", ("cover", "visible", rows), ("data", "visible", CELLS))
    with pytest.raises(InvalidInput, match=told):
        look(path)


def parts(folder: Path, *columns: pa.Array) -> Path:
    folder.mkdir()
    for position, cells in enumerate(columns):
        count = len(cells)
        table = pa.table({"n": cells, "x": [float(i % 7) for i in range(count)],
                          "y": ["ab"[i % 2] for i in range(count)]})  # fmt: skip
        pyarrow.parquet.write_table(table, folder / f"{position}.parquet")
    return folder


COUNTS = list(range(20))
TEXTS = ["q", "r"] * 10


@pytest.mark.parametrize(
    ("one", "other", "first", "last"),
    [
        (pa.array(TEXTS), pa.array(TEXTS, pa.large_string()), "q", "r"),
        (pa.array(TEXTS), pa.array(TEXTS).dictionary_encode(), "q", "r"),
        (pa.array(COUNTS, pa.int32()), pa.array(COUNTS), 0.0, 19.0),
        (pa.array(COUNTS, pa.decimal128(5)), pa.array(COUNTS, pa.decimal128(9, 2)), 0.0, 19.0),
        (pa.array(COUNTS), pa.array([i / 2 for i in COUNTS]), 0.0, 9.5),
    ],
)
def test_parts_of_a_parquet_folder_may_differ_in_type(
    look: Look, one: pa.Array, other: pa.Array, first: object, last: object, tmp_path: Path
) -> None:
    read = values(look(parts(tmp_path / "p", one, other)), "n")
    assert (read[0], read[-1]) == (first, last)


def test_parts_may_have_times_of_other_units_and_zones(look: Look, tmp_path: Path) -> None:
    micros = [i * 10**9 for i in COUNTS]
    seoul = pa.array(micros, pa.timestamp("us", "Asia/Seoul"))
    utc = pa.array([i * 1000 for i in micros], pa.timestamp("ns", "UTC"))
    times = values(look(parts(tmp_path / "p", seoul, utc), timestamp="n"), TIMESTAMP)
    assert times[1] == times[21] == dt.datetime(1970, 1, 1, 0, 16, 40, tzinfo=dt.UTC)


def test_a_part_with_a_column_twice_is_refused_in_our_words(look: Look, tmp_path: Path) -> None:
    folder = parts(tmp_path / "p", pa.array(COUNTS))
    twice = pa.Table.from_arrays([pa.array(COUNTS)] * 2, names=["x", "x"])
    pyarrow.parquet.write_table(twice, folder / "z.parquet")
    with pytest.raises(InvalidInput, match="A file in p has more than one column 'x'"):
        look(folder)


def test_extension_types_of_arrow_are_read(look: Look, tmp_path: Path) -> None:
    truth = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([i % 2 for i in COUNTS], pa.int8()))
    read = look(parts(tmp_path / "p", truth))
    assert values(read, "n")[:2] == ["false", "true"]


def test_d10_times_beyond_the_calendar_are_refused_with_their_row(
    look: Look, tmp_path: Path
) -> None:
    far = pa.array([9 * 10**18 if i == 3 else i for i in COUNTS], pa.timestamp("us"))
    with pytest.raises(InvalidInput, match=r"beyond the years 1 to 9999 in 1 rows.*row 4"):
        look(parts(tmp_path / "p", far), timestamp="n")


def test_a_target_of_times_is_refused_in_our_words(look: Look, tmp_path: Path) -> None:
    times = pa.array(COUNTS, pa.timestamp("us"))
    with pytest.raises(InvalidInput, match="target column 'n' of p contains times, not numbers"):
        look(parts(tmp_path / "p", times), labels="n", regression=True)
