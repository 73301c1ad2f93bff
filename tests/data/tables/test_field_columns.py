"""Columns as people have them: read rightly, or told with value, place and cure."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from retread.core import InvalidInput
from retread.core.column_rules import ValueKind
from retread.data import LABEL, TIMESTAMP, ColumnUse

from .conftest import Look, column, decided, values

NUMBERS = [f"{i * 1.37 + 0.5:.2f}" for i in range(60)]
WORDS = ["red", "green", "blue"] * 20


def with_cells(cells: list[str], *others: str) -> list[str]:
    """Return cells with others in rows 12, 13, ..."""
    return [*cells[:10], *others, *cells[10 + len(others) :]]


@pytest.mark.parametrize(
    "cell",
    ["?", "-", "None", "--", "n.a.", "12 kg", "5%", "$3", "#DIV/0!", "#REF!", "1.2.3", "1,5x",
     "inf", "1_000", "unknown", "1e400", "0x1F"],
)  # fmt: skip
def test_d4_e28_a_number_column_with_an_odd_cell_waits_with_the_cell_named(
    look: Look, cell: str
) -> None:
    text = column("temp", with_cells(NUMBERS, f'"{cell}"'))
    examples = look(text)
    assert values(examples, "temp")[9:12:2] == [float(NUMBERS[9]), float(NUMBERS[11])]
    assert values(examples, "temp")[10] is None
    (problem,) = examples.problems
    assert "'temp'" in problem
    assert f"row 12 {cell!r}" in problem
    assert "[data.columns] temp = {missing = [" in problem
    assert look(text, unreadable="missing").problems == ()
    with pytest.raises(InvalidInput, match="row 12"):
        look(text, unreadable="refuse")
    told = look(text, columns={"temp": {"missing": [cell]}})
    assert (told.problems, values(told, "temp")[10]) == ((), None)


@pytest.mark.parametrize("word", ["inf", "-inf", "Infinity", "+INF"])
@pytest.mark.parametrize("every", [2, 3, 5])
def test_d4_words_for_infinity_never_make_a_column_of_numbers_a_category(
    look: Look, word: str, every: int
) -> None:
    cells = [number if i % every == 0 else word for i, number in enumerate(NUMBERS)]
    examples = look(column("temp", cells))
    assert values(examples, "temp")[0] == float(NUMBERS[0])
    assert values(examples, "temp")[1] is None
    assert f"row 3 {word!r}" in examples.problems[0]


def test_d4_a_word_for_infinity_alone_is_a_text(look: Look) -> None:
    cells = ["inf" if i % 3 else "sup" for i in range(len(NUMBERS))]
    examples = look(column("bound", cells))
    assert (values(examples, "bound")[0], examples.problems) == ("sup", ())


@pytest.mark.parametrize(
    ("cell", "value"),
    [("\u22121.5", -1.5), ("\u20131.5", -1.5), (" 2.5 ", 2.5), ("\u00a03", 3.0), ("+4", 4.0),
     ("1e-3", 0.001), (".5", 0.5), ("7.", 7.0), ("NA", None), ("", None), ("#N/A", None)],
)  # fmt: skip
def test_e28_spellings_of_numbers_are_read(look: Look, cell: str, value: float | None) -> None:
    examples = look(column("temp", with_cells(NUMBERS, cell)))
    assert (values(examples, "temp")[10], examples.problems) == (value, ())


@pytest.mark.parametrize(
    ("cells", "unit"),
    [([f"{n} kg" for n in NUMBERS], "kg"), ([f"${n}" for n in NUMBERS], "$"),
     ([f"{n}%" for n in NUMBERS], "%"), ([f"{n} \u20ac" for n in NUMBERS], "\u20ac")],
)  # fmt: skip
def test_d2_a_unit_in_every_cell_is_told(look: Look, cells: list[str], unit: str) -> None:
    examples = look(column("price", cells))
    assert [rule.name for rule in examples.rules] == ["x"]
    (problem,) = examples.problems
    assert f"'price' has numbers with '{unit}'" in problem
    assert f"row 2 {cells[0]!r}" in problem
    assert "[data.columns] price" in problem


@pytest.mark.parametrize(
    ("cells", "unit", "third"),
    [([f"{n} kg" for n in NUMBERS], "kg", 3.24), ([f"-${n}" for n in NUMBERS], "$", -3.24),
     ([f"$-{n}" for n in NUMBERS], "$", -3.24), ([f"{n}%" for n in NUMBERS], "%", 3.24),
     ([f'"{n.replace(".", ",")}\u00a0\u20ac"' for n in NUMBERS], "\u20ac", 3.24),
     ([f'"CHF 1,{i:03}.5"' for i in range(60)], "CHF", 1002.5),
     ([f"{n} bottles" for n in NUMBERS], "bottles", 3.24), (["m2 4", "5 m2", "7"] * 20, "m2", 7.0),
     ([f"{n} km/h" if i % 3 else n for i, n in enumerate(NUMBERS)], "km/h", 3.24)],
)  # fmt: skip
def test_d2_numbers_are_read_without_the_unit_that_the_settings_name(
    look: Look, cells: list[str], unit: str, third: float
) -> None:
    told = look(column("price", cells), columns={"price": {"unit": unit}})
    assert (values(told, "price")[2], told.problems) == (third, ())
    assert told.rows["price"].null_count == 0
    assert f"with or without {unit!r}" in decided(told, "price").reason
    if unit != "m2":
        (problem,) = look(column("price", cells)).problems
        assert f'[data.columns] price = {{type = "number", unit = "{unit}"}}' in problem
        (asked,) = look(column("price", cells), features=("price",)).problems
        assert asked == problem


def test_d2_what_carries_another_unit_is_not_read(look: Look) -> None:
    cells = ["1 kg", "2 g", "kg 3 kg", "4", "kg", "- kg 5", "5 KG"] * 9
    told = look(column("weight", cells), columns={"weight": {"unit": "kg"}})
    assert values(told, "weight")[:7] == [1.0, None, None, 4.0, None, None, None]
    assert "row 3 '2 g'" in told.problems[0]
    (several,) = look(column("weight", ["1 kg", "2 g", "3"] * 20)).problems
    assert "numbers with 'kg' or 'g'" in several
    assert "Write all in one unit" in several


def test_d4_a_few_cells_with_a_unit_are_offered_to_be_read_without_it(look: Look) -> None:
    text = column("temp", with_cells(NUMBERS, "12 kg", "13 kg"))
    assert '{type = "number", unit = "kg"}' in look(text).problems[0]
    told = look(text, columns={"temp": {"type": "number", "unit": "kg"}})
    assert (values(told, "temp")[10:12], told.problems) == ([12.0, 13.0], ())


def test_d2_a_target_with_a_unit(look: Look) -> None:
    text = column("price", [f"{n} %" for n in NUMBERS])
    with pytest.raises(InvalidInput, match=r'\[data.columns\] price = \{unit = "%"\}'):
        look(text, labels="price", regression=True)
    told = look(text, labels="price", regression=True, columns={"price": {"unit": "%"}})
    assert values(told, LABEL)[0] == 0.5
    assert told.label_rules is not None
    assert told.label_rules.unit == "%"


@pytest.mark.parametrize(
    ("cells", "second"),
    [([f'"{i},{i % 90 + 10}"' for i in range(40)], 1.11),
     ([f'"1,{i:03},{i:03}.5"' for i in range(40)], 1001001.5),
     ([f'"1.{i:03},5"' for i in range(40)], 1001.5), ([f'"1 {i:03},5"' for i in range(40)], 1001.5),
     ([f"1\u00a0{i:03}" for i in range(40)], 1001.0),
     ([f"1'{i:03}.25" for i in range(40)], 1001.25),
     (["0", '"1,001"', *['"12,345"', "999"] * 19], 1001.0),
     ([f'"0,{i:03}"' for i in range(40)], 0.001)],
)  # fmt: skip
def test_d1_d2_decimal_commas_and_thousands_are_read(
    look: Look, cells: list[str], second: float
) -> None:
    examples = look(column("amount", cells))
    assert (values(examples, "amount")[1], examples.problems) == (second, ())


def test_d2_a_comma_that_may_be_either_is_asked_about(look: Look) -> None:
    text = column("amount", [f'"{i % 9 + 1},{i:03}"' for i in range(40)])
    (problem,) = look(text).problems
    assert "row 2 '1,000'" in problem
    assert 'decimal = ","' in problem
    told = look(text, columns={"amount": {"type": "number", "thousands": ","}})
    assert (values(told, "amount")[1], told.problems) == (2001.0, ())


def test_d1_in_a_file_with_decimal_commas_a_point_separates_thousands(look: Look) -> None:
    lines = [f"1.{i:03};{i},5;{'ab'[i % 2]}" for i in range(40)]
    examples = look("big;small;y\n" + "\n".join(lines) + "\n")
    assert values(examples, "big")[1] == 1001.0
    assert values(examples, "small")[1] == 1.5
    assert "between thousands" in decided(examples, "big").reason


@pytest.mark.parametrize(
    ("cells", "reason"),
    [(["01234", "1234"] * 20, "leading zeros"), (["1E5", "10E4"] * 20, "exponents"),
     (["007", "7", "08"] * 14, "leading zeros"), (["1.10", "1.1", "2.3"] * 14, "same number"),
     (["105", "1E5", "205"] * 14, "exponents"),
     (["9007199254740993", "9007199254740992"] * 20, "more digits")],
)  # fmt: skip
def test_e07_d7_codes_that_look_like_numbers_stay_apart(
    look: Look, cells: list[str], reason: str
) -> None:
    examples = look(column("code", cells))
    assert values(examples, "code") == cells
    assert reason in decided(examples, "code").reason
    assert values(look(column("code", cells), columns={"code": "number"}), "code")[0] is not None


@pytest.mark.parametrize(
    "cells", [["3", "3.0", "4.5"] * 14, ["1.50", "2.25"] * 20, ["0", "-0.5", "10"] * 14]
)
def test_e07_numbers_stay_numbers(look: Look, cells: list[str]) -> None:
    assert values(look(column("n", cells)), "n") == [float(cell) for cell in cells]


@pytest.mark.parametrize(
    "labels",
    [["01", "1"], ["1E5", "10E4"], ["007", "008"], ["9007199254740993", "9007199254740992"]],
)
def test_e07_d7_labels_are_text_as_written(look: Look, labels: list[str]) -> None:
    examples = look("x,y\n" + "\n".join(f"{i},{labels[i % 2]}" for i in range(20)) + "\n")
    assert set(values(examples, LABEL)) == set(labels)


@pytest.mark.parametrize("labels", [["True", "False"], ["TRUE", "FALSE"], ["true", "false"]])
def test_e01_e32_truth_values_are_one_in_every_spelling(look: Look, labels: list[str]) -> None:
    text = "on,x,y\n" + "\n".join(
        f"{labels[i % 2].swapcase() if i == 3 else labels[i % 2]},{i},{labels[i % 2]}"
        for i in range(20)
    )
    examples = look(text)
    assert set(values(examples, "on")) == set(values(examples, LABEL)) == {"true", "false"}
    assert examples.rules[0].kind is ValueKind.BOOLEAN
    assert examples.label_rules is not None
    assert examples.label_rules.kind is ValueKind.BOOLEAN


@pytest.mark.parametrize("odd", ["bad ", " bad", "bad\u00a0", "b\u200bad", "\ufeffbad"])
def test_d9_e27_d12_spaces_and_invisible_characters_are_no_labels(look: Look, odd: str) -> None:
    examples = look("x,y\n" + "\n".join(f"{i},{[odd, 'bad', 'good'][i % 3]}" for i in range(21)))
    assert set(values(examples, LABEL)) == {"bad", "good"}
    assert "removed" in decided(examples, "y").reason


def test_d12_names_and_labels_have_one_form(look: Look) -> None:
    text = "temp\u0065\u0301,y\n" + "\n".join(
        f"{i},{['cafe' + chr(0x301), 'caf' + chr(0xE9), 'the'][i % 3]}" for i in range(21)
    )
    examples = look(text)
    assert [rule.name for rule in examples.rules] == ["temp\u00e9"]
    assert set(values(examples, LABEL)) == {"caf\u00e9", "the"}


def test_d9_a_blank_label_is_missing_and_named(look: Look) -> None:
    with pytest.raises(InvalidInput, match=r"'y' of t\.csv is empty in 1 of 3 rows: row 3"):
        look("x,y\n1,a\n2,   \n3,b\n")


@pytest.mark.parametrize(
    ("header", "kind"),
    [("Unnamed: 0", "saved index"), ("", "saved index"), ("index", "saved index"),
     ("customer_id", "identifier"), ("ID", "identifier")],
)  # fmt: skip
def test_d5_saved_indexes_and_identifiers_are_no_features(
    look: Look, header: str, kind: str
) -> None:
    examples = look(column(header, [str(i) for i in range(40)]))
    assert [rule.name for rule in examples.rules] == ["x"]
    decision = decided(examples, header or "(no name)")
    assert (decision.use, decision.kind) == (ColumnUse.UNUSED, kind)


@pytest.mark.parametrize("header", ["Unnamed: 0", "index"])
def test_d5_settings_may_exclude_a_saved_index(look: Look, header: str) -> None:
    examples = look(column(header, [str(i) for i in range(40)]), exclude=[header])
    assert [rule.name for rule in examples.rules] == ["x"]


def test_d5_the_index_of_a_parquet_file_is_no_feature(look: Look, tmp_path: Path) -> None:
    table = pa.table({"x": [1.5, 2.5] * 9, "y": ["a", "b"] * 9, "__index_level_0__": range(18)})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    assert [rule.name for rule in look(tmp_path / "t.parquet").rules] == ["x"]


def test_d5_a_column_that_counts_rows_is_told(look: Look) -> None:
    assert "counts the rows" in decided(look(column("n", [str(i) for i in range(9)])), "n").reason


@pytest.mark.parametrize(
    ("cells", "kind"),
    [([f"user-{i}" for i in range(40)], "identifier"),
     ([f"the {i} quick brown foxes" for i in range(40)], "free text"),
     ([f"{i:05}" for i in range(40)], "identifier"),
     ([f"2021-01-{i % 28 + 1:02}" for i in range(40)], "time")],
)  # fmt: skip
def test_d2_what_is_no_feature_is_told_with_examples_and_used_when_asked_for(
    look: Look, cells: list[str], kind: str
) -> None:
    text = column("c", cells)
    decision = decided(look(text), "c")
    assert (decision.use, decision.kind) == (ColumnUse.UNUSED, kind)
    assert cells[0] in decision.reason
    if kind == "time":
        with pytest.raises(InvalidInput, match=r"'c' of t\.csv contains timestamps"):
            look(text, features=["c", "x"])
    else:
        assert "c" in [rule.name for rule in look(text, features=["c", "x"]).rules]
    assert "c" in [rule.name for rule in look(text, columns={"c": "category"}).rules]


@pytest.mark.parametrize("cell", ["same", "5", "True"])
def test_d5_a_column_that_does_not_vary_yet_is_a_feature_and_told(look: Look, cell: str) -> None:
    decision = decided(look(column("c", [cell] * 40)), "c")
    assert (decision.use, decision.kind) == (ColumnUse.FEATURE, "constant")
    assert cell in decision.reason


def test_d6_what_single_precision_cannot_tell_apart_is_told(look: Look) -> None:
    examples = look(column("day", [str(20180101 + i) for i in range(40)]))
    assert "equal in single precision" in decided(examples, "day").reason


@pytest.mark.parametrize(
    ("cells", "second"),
    [(["31/01/2021 14:05", "01/02/2021 14:05"], "2021-02-01T14:05:00"),
     (["1/31/2021 2:05 PM", "2/1/2021 2:05 AM"], "2021-02-01T02:05:00"),
     (["31.01.2021", "01.02.2021"], "2021-02-01T00:00:00"),
     (["2021-01-31T00:00:00Z", "2021-02-01T02:00:00+02:00"], "2021-02-01T00:00:00"),
     (["2021-01-31 00:00", "2021-02-01 02:00 CET"], "2021-02-01T01:00:00"),
     (["1612051200", "1612137600"], "2021-02-01T00:00:00"),
     (["1612051200000", "1612137600000"], "2021-02-01T00:00:00"),
     (["20210131", "20210201"], "2021-02-01T00:00:00"),
     (["2021-01-31T00:00:00.123456789", "2021-02-01T00:00:00.5"], "2021-02-01T00:00:00.500000"),
     (["31 Jan 2021", "1 Feb 2021"], "2021-02-01T00:00:00")],
)  # fmt: skip
def test_d10_e31_times_are_read(look: Look, cells: list[str], second: str) -> None:
    examples = look(column("when", cells * 10), timestamp="when")
    time = values(examples, TIMESTAMP)[1]
    assert str(time).replace(" ", "T").removesuffix("+00:00") == second
    assert decided(examples, "when").use is ColumnUse.TIME


@pytest.mark.parametrize(
    ("cells", "told"),
    [(["03/02/2021", "04/02/2021"], "day or month first: row 2 '03/02/2021'.*%d/%m/%Y"),
     (["31/01/2021", "01/31/2021"], "both orders: row 2 '31/01/2021', row 3 '01/31/2021'"),
     (["2021-02-30", "2021-02-01"], "no calendar has: row 2 '2021-02-30'"),
     (["soon", "2021-02-01"], "not times: row 2 'soon'"),
     (["2021-02-01 05:00 XYZ", "2021-02-01 05:00"], "zones that are not known: row 2"),
     (["12", "13"], "no unit of time.*unit =")],
)  # fmt: skip
def test_d10_times_that_may_be_two_things_are_asked_about(
    look: Look, cells: list[str], told: str
) -> None:
    with pytest.raises(InvalidInput, match=rf"'when' of t\.csv .*{told}"):
        look(column("when", cells * 10), timestamp="when")


def test_d10_the_settings_say_how_times_are_written(look: Look) -> None:
    cells = ["03/02/2021", "04/02/2021"] * 10
    how = {"when": {"type": "time", "format": "%d/%m/%Y", "zone": "Asia/Seoul"}}
    examples = look(column("when", cells), timestamp="when", columns=how)
    assert str(values(examples, TIMESTAMP)[0]) == "2021-02-02 15:00:00+00:00"


def test_e31_the_hour_that_autumn_repeats_is_said(look: Look) -> None:
    cells = ["2021-10-31 02:30:00", "2021-10-31 05:00:00"] * 10
    how = {"when": {"zone": "Europe/Berlin"}}
    examples = look(column("when", cells), timestamp="when", columns=how)
    assert "the earlier of a repeated hour" in decided(examples, "when").reason
    assert str(values(examples, TIMESTAMP)[0]) == "2021-10-31 00:30:00+00:00"


def test_e18_a_date_far_from_the_others_is_told_with_its_row(look: Look) -> None:
    cells = [*[f"2024-01-{i + 1:02}" for i in range(20)], "9999-12-31"]
    examples = look(column("at", cells), timestamp="at")
    assert "row 22 '9999-12-31'" in decided(examples, "at").reason


@pytest.mark.parametrize("cell", ["1e15", "1e300"])
def test_e25_a_target_far_from_the_others_waits_with_its_row(look: Look, cell: str) -> None:
    text = column("t", with_cells(NUMBERS, cell))
    (problem,) = look(text, labels="t", regression=True).problems
    assert f"'t' has values far beyond the others: row 12 '{cell}'" in problem


def test_e23_a_long_text_is_told_with_its_row(look: Look) -> None:
    examples = look(column("c", with_cells(WORDS, "z" * 100_000)))
    assert "row 12 has a text of 100000 characters" in decided(examples, "c").reason


def test_e14_a_country_that_counts_as_missing_is_told(look: Look) -> None:
    text = column("land", ["NA", "DE", "KR"] * 10)
    assert "NA counts as missing in 10 rows" in decided(look(text), "land").reason
    assert values(look(text, columns={"land": {"missing": []}}), "land")[0] == "NA"


@pytest.mark.parametrize("type_", ["number", "category", "boolean", "ignore"])
def test_the_settings_say_what_a_column_is(look: Look, type_: str) -> None:
    examples = look(column("c", ["1", "0"] * 20), columns={"c": type_})
    kinds = {rule.name: rule.kind.value for rule in examples.rules}
    assert kinds.get("c", "ignore") == type_


@pytest.mark.parametrize("price_is_target", [True, False])
def test_d1_decimal_commas_of_one_column_tell_what_points_of_the_target_are(
    look: Look, price_is_target: bool
) -> None:
    rows = [f"{i + 0.5:.1f}".replace(".", ",") + f";{i + 200}.{i + 100}" for i in range(40)]
    target = "price" if price_is_target else "area"
    examples = look("\n".join(["area;price", *rows]), labels=target, regression=True)
    areas, prices = [i + 0.5 for i in range(40)], [(i + 200) * 1000.0 + i + 100 for i in range(40)]
    targets, features = (prices, areas) if price_is_target else (areas, prices)
    assert values(examples, LABEL) == targets
    assert values(examples, "area" if price_is_target else "price") == features
    assert "'.' between thousands" in decided(examples, "price").reason
    assert examples.problems == ()


@pytest.mark.parametrize("target", [True, False])
def test_d1_points_that_may_stand_between_thousands_are_asked_about_where_semicolons_separate(
    look: Look, target: bool
) -> None:
    cells = [f"{i + 200}.{i + 100}" for i in range(40)]
    text = "\n".join(["price;x", *(f"{cell};{i % 9}" for i, cell in enumerate(cells))])
    labels = {"labels": "price" if target else "x", "regression": True}
    (problem,) = look(text, **labels).problems
    assert "'price' has numbers that may have a decimal point" in problem
    assert "row 2 '200.100'" in problem
    column_of = LABEL if target else "price"
    for answer, first in (
        ({"type": "number", "decimal": "."}, 200.1),
        ({"type": "number", "decimal": ",", "thousands": "."}, 200100.0),
    ):
        told = look(text, columns={"price": answer}, **labels)
        assert (values(told, column_of)[0], told.problems) == (first, ())
    assert look(text.replace(";", ","), **labels).problems == ()
    assert look(text.replace("200.100", "200.1"), **labels).problems == ()
