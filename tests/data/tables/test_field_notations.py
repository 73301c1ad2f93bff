"""Numbers, truth values and dates in the notations of other countries and programs."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from retread.core import InvalidInput
from retread.core.column_rules import ValueKind
from retread.data import LABEL, TIMESTAMP, ColumnUse

from .conftest import Look, decided, values

ARABIC = {ord("0") + digit: 0x0660 + digit for digit in range(10)}
WIDE = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
START = datetime(2020, 1, 5, 13, 45, 30)
MOMENTS = [START + timedelta(days=3 * i, hours=i) for i in range(40)]


def quoted(cells: list[str], labels: str = "ab") -> str:
    """Return a CSV with a column `c` whose cells are quoted, a number and labels."""
    escaped = [cell.replace('"', '""') for cell in cells]
    rows = [f'"{cell}",{i % 7 + i},{labels[i % 2]}' for i, cell in enumerate(escaped)]
    return "\n".join(["c,x,y", *rows]) + "\n"


def indian(number: int) -> str:
    head, tail = str(number)[:-3], str(number)[-3:]
    pairs = [head[max(i - 2, 0) : i] for i in range(len(head), 0, -2)][::-1]
    return ",".join([*pairs, tail])


NUMBERS = random.Random(4).sample(range(1_000_000, 99_999_999), 40)


@pytest.mark.parametrize(
    "write",
    [
        lambda n: f"{n:,}".replace(",", "'"),
        lambda n: f"{n:,}".replace(",", "\u2019"),
        lambda n: f"{n:,}".replace(",", "\u202f"),
        lambda n: f"{n:,}".replace(",", "\u2009"),
        lambda n: f"{n:,}.00",
        lambda n: f"{n:,}".replace(",", ".") + ",00",
        indian,
        lambda n: indian(n) + ".00",
        lambda n: str(n).translate(ARABIC),
        lambda n: str(n).translate(WIDE),
        lambda n: f"{n:.9e}".replace(".", ","),
    ],
    ids=["Swiss", "apostrophes", "narrow spaces", "thin spaces", "English", "German", "Indian",
         "Indian with decimals", "Arabic", "full width", "exponents with commas"],
)  # fmt: skip
def test_d2_numbers_of_all_countries_are_numbers(look: Look, write: Callable[[int], str]) -> None:
    examples = look(quoted([write(number) for number in NUMBERS]))
    assert not examples.problems
    assert values(examples, "c") == NUMBERS


@pytest.mark.parametrize(
    ("write", "affix"),
    [
        (lambda n: f"({n / 100})" if n % 2 else f"{n / 100}", "()"),
        (lambda n: f"{n / 100}-" if n % 2 else f"{n / 100}", "-"),
        (lambda n: f"- {n}" if n % 2 else str(n), "-"),
        (lambda n: f"US${n:,}", "US$"),
        (lambda n: f"-${n}", "$"),
        (lambda n: f"{n:,}원", "원"),
        (lambda n: f"{n}만원", "만원"),
        (lambda n: f"{n}k", "k"),
        (lambda n: f'{n}"', '"'),
        (lambda n: f'="{n}"', '=""'),
    ],
)
def test_d2_numbers_with_anything_around_them_are_told_with_it(
    look: Look, write: Callable[[int], str], affix: str
) -> None:
    examples = look(quoted([write(number) for number in NUMBERS]))
    (problem,) = examples.problems
    assert f"numbers with {affix!r}: row 2" in problem
    assert decided(examples, "c").use is ColumnUse.UNUSED


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (lambda n: f"A{n}", "identifier"),
        (lambda n: f"{n}-{n}", "several numbers"),
        (lambda n: f"{n}.{n}.1", "identifier"),
    ],
)
def test_d2_codes_are_not_taken_for_numbers_with_units(
    look: Look, write: Callable[[int], str], kind: str
) -> None:
    examples = look(quoted([write(number) for number in NUMBERS]))
    assert decided(examples, "c").kind == kind
    assert not examples.problems


@pytest.mark.parametrize("share", [3, 2, 9])
def test_d1_decimal_commas_among_points_wait_with_their_cells(look: Look, share: int) -> None:
    cells = [
        f"{n / 1e6:.2f}".replace(".", "." if i % share else ",") for i, n in enumerate(NUMBERS)
    ]
    examples = look(quoted(cells))
    assert decided(examples, "c").kind == "number"
    assert "cannot be: row" in " ".join(examples.problems)


def test_d1_a_comma_that_may_be_a_point_is_asked_about(look: Look) -> None:
    cells = [f"{n / 1e7:.3f}" for n in NUMBERS]
    cells[7] = "3,512"
    (problem,) = look(quoted(cells)).problems
    assert "a comma between thousands: row 9 '3,512'. Say which" in problem
    whole = [str(n % 900) for n in NUMBERS]
    whole[7] = "3,512"
    assert values(look(quoted(whole)), "c")[7] == 3512


@pytest.mark.parametrize(
    "words",
    [("True", "F"), ("TRUE", "0"), ("true", "no", "1"), ("False", "True", "yes", "0.0")],
)
def test_e01_mixed_spellings_of_truth_are_two_values(look: Look, words: tuple[str, ...]) -> None:
    examples = look(quoted([words[i % len(words)] for i in range(40)]))
    assert examples.rules[0].kind is ValueKind.BOOLEAN
    assert set(values(examples, "c")) == {"true", "false"}


def test_e01_truth_among_other_categories_is_spelled_as_json_has_it(look: Look) -> None:
    examples = look(quoted([("True", "FALSE", "maybe")[i % 3] for i in range(40)]))
    assert set(values(examples, "c")) == {"true", "false", "maybe"}


@pytest.mark.parametrize("mark", ["\u200f", "\u202e", "\u2066", "\u200e"])
def test_e27_marks_of_direction_are_no_part_of_a_label(look: Look, mark: str) -> None:
    labels = [f"{mark}bad", "bad", "good"]
    examples = look("x,y\n" + "\n".join(f"{i},{labels[i % 3]}" for i in range(30)))
    assert set(values(examples, LABEL)) == {"bad", "good"}


def korean(moment: datetime) -> str:
    half = "오전" if moment.hour < 12 else "오후"
    date = f"{moment.year}년 {moment.month}월 {moment.day}일"
    return f"{date} {half} {moment.hour % 12 or 12}:{moment:%M:%S}"


@pytest.mark.parametrize(
    "write",
    [
        korean,
        lambda t: f"{t:%Y-%m-%d} {'오전' if t.hour < 12 else '오후'} {t:%I:%M:%S}",
        lambda t: f"{t.year}年{t.month}月{t.day}日 {t:%H:%M:%S}",
        lambda t: f"{t.year}. {t.month}. {t.day}. {t:%H:%M:%S}",
        lambda t: f"{t:%Y%m%d%H%M%S}",
        lambda t: f"{t:%Y%m%d %H%M%S}",
        lambda t: f"{t:%Y%m%dT%H%M%SZ}",
        lambda t: f"{t:%a, %d %b %Y %H:%M:%S GMT}",
        lambda t: f"{t:%d/%b/%Y:%H:%M:%S +0000}",
        lambda t: f"{t:%Y-%m-%d %H.%M.%S}",
        lambda t: f"{t:%d-%b-%y %I:%M:%S %p}",
        lambda t: f"{t:%m/%d/%y %I:%M:%S %p}",
    ],
)
def test_d10_times_of_all_programs_are_read(look: Look, write: Callable[[datetime], str]) -> None:
    text = quoted([write(moment) for moment in MOMENTS])
    examples = look(text, timestamp="c")
    assert values(examples, TIMESTAMP) == [moment.replace(tzinfo=UTC) for moment in MOMENTS]
    assert decided(look(text), "c").kind in ("time", "number")


@pytest.mark.parametrize("separator", ["-", "/"])
def test_d10_a_month_is_its_first_day(look: Look, separator: str) -> None:
    cells = [f"2020{separator}{i % 3 + 10}" for i in range(40)]
    examples = look(quoted(cells), timestamp="c")
    assert [str(t)[:10] for t in values(examples, TIMESTAMP)[:2]] == ["2020-10-01", "2020-11-01"]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ([f"20.01.{i % 28 + 1:02}" for i in range(40)], "begin or end with the year: row 2"),
        ([f"20/{i % 12 + 1:02}/{i % 28 + 1:02}" for i in range(40)], "begin or end with the year"),
        ([f"2020-{i % 28 + 100}" for i in range(40)], "not times: row 2 '2020-100'"),
    ],
)
def test_d10_days_that_may_be_years_are_asked_about(
    look: Look, cells: list[str], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        look(quoted(cells), timestamp="c")


def test_d10_years_of_two_digits_may_end_a_date(look: Look) -> None:
    examples = look(
        quoted([f"{i % 28 + 1:02}.{i % 2 + 1:02}.20" for i in range(40)]), timestamp="c"
    )
    assert str(values(examples, TIMESTAMP)[1])[:10] == "2020-02-02"


def test_e31_the_hour_that_spring_skips_is_said(look: Look) -> None:
    cells = [f"2021-03-28 02:{i:02}" for i in range(40)]
    how = {"c": {"type": "time", "zone": "Europe/Berlin"}}
    examples = look(quoted(cells), timestamp="c", columns=how)
    assert "40 in an hour that clocks skip" in decided(examples, "c").reason
