"""Files as people have them: dialect, encoding and format found, or refused with a cure."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest

from retread.core import InvalidInput
from retread.data import LABEL, TIMESTAMP

from .conftest import Look, decided, values

ROWS = [(i + 0.5, 2 * i, ("ja", "nein")[i % 2]) for i in range(40)]
GERMAN_LABELS = ["sch\u00f6n", "h\u00e4\u00dflich"]
KOREAN_LABELS = ["\uc591\ud638", "\ubd88\ub7c9"]
GERMAN = "Gr\u00f6\u00dfe;n;y\n" + "".join(
    f"{x};{n};{GERMAN_LABELS[n // 2 % 2]}\n".replace(".", ",") for x, n, _ in ROWS
)
KOREAN = "\uc628\ub3c4,n,y\n" + "".join(
    f"{x},{n},{KOREAN_LABELS[n // 2 % 2]}\n" for x, n, _ in ROWS
)


def written(separator: str, decimal: str = ".", end: str = "\n") -> str:
    rows = [separator.join((str(x).replace(".", decimal), str(n), y)) for x, n, y in ROWS]
    return end.join([separator.join("xny"), *rows]) + end


@pytest.mark.parametrize(
    ("separator", "decimal"),
    [(",", "."), (";", ","), (";", "."), ("\t", ","), ("\t", "."), ("|", ".")],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_d1_separators_and_decimal_commas_are_found(
    look: Look, separator: str, decimal: str, end: str
) -> None:
    examples = look(written(separator, decimal, end))
    assert (values(examples, "x")[1], values(examples, "n")[1]) == (1.5, 2.0)
    assert values(examples, LABEL)[1] == "nein"
    assert "separated by" in examples.remarks[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "latin-1"),
        (GERMAN, "cp1252"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (KOREAN, "cp949"),
        (KOREAN, "euc_kr"),
        (KOREAN, "utf-8-sig"),
        (KOREAN, "utf-16"),
    ],
)
def test_d1_encodings_are_found(look: Look, text: str, encoding: str) -> None:
    examples = look(text.encode(encoding))
    first = "Gr\u00f6\u00dfe" if text is GERMAN else "\uc628\ub3c4"
    assert values(examples, first)[1] == 1.5
    assert values(examples, LABEL)[:2] == (GERMAN_LABELS if text is GERMAN else KOREAN_LABELS)


def test_d1_the_settings_name_encoding_and_delimiter(look: Look) -> None:
    examples = look(
        "x:n:y\n1.5:2:\u0444\n2.5:3:\u0436\n".encode("koi8-r"), encoding="koi8-r", delimiter=":"
    )
    assert values(examples, LABEL) == ["\u0444", "\u0436"]
    with pytest.raises(InvalidInput, match=r"not text in the encoding ascii.*\[data\] encoding"):
        look(GERMAN, encoding="ascii")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv.gz", gzip.compress(written(";", ",").encode())),
        ("t.tsv", written("\t").encode()),
        ("t.txt", written("|").encode()),
        ("t.csv.bz2", bz2.compress(written(",").encode())),
        ("t.csv.xz", lzma.compress(written(",").encode())),
        ("t.tsv.gz", gzip.compress(written("\t").encode())),
        ("t.jsonl", "".join(f'{{"x": {x}, "n": {n}, "y": "{y}"}}\n' for x, n, y in ROWS).encode()),
    ],
)
def test_files_of_other_endings_are_read(look: Look, name: str, content: bytes) -> None:
    examples = look(content, name)
    assert (values(examples, "x")[:2], values(examples, "n")[1]) == ([0.5, 1.5], 2.0)
    assert values(examples, LABEL)[:2] == ["ja", "nein"]


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\n" + written(";", ","),
        "'x','n','y'\n" + "".join(f"'{x}','{n}','{y}'\n" for x, n, y in ROWS),
        '"x","n","y"\n' + "".join(f'"{x}","{n}","{y}"\n' for x, n, y in ROWS),
        " x , n , y \n" + "".join(f" {x} , {n} , {y} \n" for x, n, y in ROWS),
        ",x,n,y\n" + "".join(f"{i},{x},{n},{y}\n" for i, (x, n, y) in enumerate(ROWS)),
        "x,n,y,\n" + "".join(f"{x},{n},{y},\n" for x, n, y in ROWS),
    ],
    ids=["declared", "single quotes", "quotes", "spaces", "blank index", "trailing separator"],
)
def test_headers_and_quotes_of_all_kinds_are_read(look: Look, content: str) -> None:
    examples = look(content)
    assert [rule.name for rule in examples.rules] == ["x", "n"]
    assert values(examples, "x")[1] == 1.5
    assert values(examples, LABEL)[1] == "nein"


def test_cells_with_newlines_and_separators_are_read(look: Look) -> None:
    rows = "".join(f'"a, {i % 3}\nb",{i},{"ab"[i % 2]}\n' for i in range(30))
    assert values(look("c,x,y\n" + rows), "c")[1] == "a, 1\nb"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("x,y\n1,a\n2,b,c\n3,d\n", r"Row 3 of t\.csv has 3 cells, but the header has 2.*quoted"),
        ("x,y,z\n" + "1,a,b\n" * 30 + "1,a\n", r"Row 32 of t\.csv has 2 cells.*header has 3"),
        (
            "Report 2020\n\nx,n,y\n" + written(","),
            r"do not fit its first line 'Report 2020'.*remove",
        ),
        ("# comment\n" + written(","), r"first line '# comment'.*remove"),
        ("x,n;m,y;z\n1,2;3,4;5\n", r"commas or semicolons.*\[data\] delimiter"),
        ("x,x,y\n1,2,a\n", "more than one column 'x'"),
        ("a, a,y\n1,2,b\n", "more than one column 'a'"),
        ("a,,y\n1,2,b\n", "blank name: it is column 2"),
        ("x,y\n", "no rows"),
        ("", "no rows"),
        (b"PK\x03\x04\0\0\0binary", "not a text file"),
    ],
)
def test_files_that_do_not_fit_are_refused_with_place_and_cure(
    look: Look, content: str | bytes, told: str
) -> None:
    with pytest.raises(InvalidInput, match=told) as refusal:
        look(content)
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.csv.gz", b"x,y\n", "cannot be read as a table"),
        ("t.xls", b"1", r"Save it as \.xlsx"),
        ("t.xlsx", b"1", "not an Excel file"),
        ("t.parquet", b"1", "cannot be read as a table"),
        ("t.jsonl", b'{"x": 1}\n[1]\n', "Line 2 of t.jsonl is not a JSON object"),
        ("t.jsonl", b'{"x": [1]}\n', "Line 1 of t.jsonl has a list in 'x'"),
    ],
)
def test_files_that_are_not_what_their_ending_says_are_refused(
    look: Look, name: str, content: bytes, told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        look(content, name)


def test_json_lines_keep_what_types_mean(look: Look) -> None:
    lines = [
        json.dumps({"on": i % 2 == 0, "code": [7, "07"][i % 2], "big": 2**60 + i % 2, "y": i % 2})
        for i in range(30)
    ]
    examples = look("\n".join([*lines, '{"y": 1}']), "t.jsonl")
    assert values(examples, "on")[:2] == ["true", "false"]
    assert values(examples, "code")[:2] == ["7", "07"]
    assert decided(examples, "big").kind == "identifier"
    assert values(examples, LABEL)[:2] == ["0", "1"]
    assert values(examples, "on")[-1] is None


def test_excel_sheets_are_read(look: Look, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([])
    sheet.append(["x", "when", "on", "zip", "y"])
    for i in range(40):
        sheet.append([i + 0.5, datetime(2021, 1, 1 + i % 28), i % 2 == 0, f"0{i % 3}", "ab"[i % 2]])
    sheet["A10"] = "#DIV/0!"
    book.create_sheet("other").append([1])
    book.save(tmp_path / "t.xlsx")
    examples = look(tmp_path / "t.xlsx", timestamp="when")
    assert values(examples, "x")[:2] == [0.5, 1.5]
    assert "row 10 '#DIV/0!'" in examples.problems[0]
    assert values(examples, TIMESTAMP)[0] == datetime(2021, 1, 1, tzinfo=UTC)
    assert values(examples, "on")[:2] == ["true", "false"]
    assert values(examples, "zip")[:2] == ["00", "01"]
    assert "not other" in examples.remarks[0]
    with pytest.raises(InvalidInput, match="no sheet 'third'"):
        look(tmp_path / "t.xlsx", sheet="third")


def arrow(type_: pa.DataType, *cells: object) -> Callable[[], pa.Array]:
    return lambda: pa.array([*cells] * (40 // len(cells)), type_)


@pytest.mark.parametrize(
    ("make", "first"),
    [
        (arrow(pa.float16(), 1.5, 2.5), 1.5),
        (arrow(pa.decimal128(10, 2), Decimal("1.50"), None), 1.5),
        (arrow(pa.uint8(), 1, 2), 1.0),
        (arrow(pa.large_string(), "a", "b"), "a"),
        (arrow(pa.string_view(), "a", "b"), "a"),
        (arrow(pa.binary(), b"a", b"b"), "a"),
        (arrow(pa.dictionary(pa.int8(), pa.string()), "a", "b"), "a"),
        (arrow(pa.dictionary(pa.int8(), pa.int64()), 5, 6), 5.0),
        (arrow(pa.bool_(), True, False), "true"),
        (arrow(pa.duration("s"), 90, 5), 90.0),
        (arrow(pa.decimal256(40, 0), Decimal(1), Decimal(2)), 1.0),
    ],
)
def test_every_type_of_a_parquet_file_is_read(
    look: Look, tmp_path: Path, make: Callable[[], pa.Array], first: object
) -> None:
    table = pa.table({"c": make(), "x": range(40), "y": ["a", "b"] * 20})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    assert values(look(tmp_path / "t.parquet"), "c")[0] == first


@pytest.mark.parametrize(
    "type_", [pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns", "CET")]
)
def test_times_of_a_parquet_file_are_read(look: Look, tmp_path: Path, type_: pa.DataType) -> None:
    days = pa.array([date(2021, 1, 1), date(2021, 1, 2)] * 20).cast(pa.timestamp("s"))
    at = days.cast(pa.timestamp("ns")).cast(type_) if type_ != pa.date32() else days.cast(type_)
    table = pa.table({"at": at, "x": range(40), "y": ["a", "b"] * 20})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    examples = look(tmp_path / "t.parquet", timestamp="at")
    assert values(examples, TIMESTAMP)[1] == datetime(2021, 1, 2, tzinfo=UTC)
    assert decided(look(tmp_path / "t.parquet"), "at").kind == "time"


def test_a_folder_of_parquet_files_is_one_table(look: Look, tmp_path: Path) -> None:
    for year, type_ in ((2020, pa.int32()), (2021, pa.float64())):
        folder = tmp_path / "lake" / f"year={year}"
        folder.mkdir(parents=True)
        part = pa.table({"x": pa.array([1, 2, 3] * 10, type_), "y": ["a", "b", "a"] * 10})
        pyarrow.parquet.write_table(part, folder / "part-0.parquet")
    (tmp_path / "lake" / "_SUCCESS").touch()
    (tmp_path / "lake" / "year=2020" / ".part-0.parquet.crc").write_bytes(b"1")
    examples = look(tmp_path / "lake")
    assert [rule.name for rule in examples.rules] == ["x", "year"]
    assert (examples.rows.num_rows, set(values(examples, "year"))) == (60, {2020.0, 2021.0})


def test_files_of_a_folder_that_do_not_fit_are_refused(look: Look, tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    for name, values_ in (("a", [1, 2]), ("b", ["x", "y"])):
        part = pa.table({"x": values_, "y": ["a", "b"]})
        pyarrow.parquet.write_table(part, tmp_path / "lake" / f"{name}.parquet")
    with pytest.raises(InvalidInput, match=r"'x' has several types in the files of lake: int64"):
        look(tmp_path / "lake")
