"""What a column of texts holds is recognised by its shape and told."""

from __future__ import annotations

import json
import time

import pytest

from retread.data.tables.shapes import shape_of

from .conftest import Look, column, decided, values

COUNT = 120


def quoted(cells: list[str]) -> list[str]:
    return ['"' + cell.replace('"', '""') + '"' for cell in cells]


THINGS = {
    "e-mail addresses": [f"anna.{i}+x@mail.example.com" for i in range(COUNT)],
    "UUIDs": [f"{i:08x}-0000-4000-8000-{i * 7:012x}" for i in range(COUNT)],
    "web addresses": [f"https://example.com/p?id={i}" for i in range(COUNT)],
    "IP addresses": [f"10.0.{i}.{i * 3 % 250}" for i in range(COUNT)],
    "paths": [f"C:\\data\\lot {i % 7}\\scan_{i}.tif" for i in range(COUNT)],
}
VALUES = {
    "JSON": [json.dumps({"a": i, "b": [1, {"c": "x"}]}) for i in range(COUNT)],
    "durations": [f"{i // 60:02}:{i % 60:02}:30" for i in range(COUNT)],
    "several numbers": [f"{i}.5, {i + 7}" for i in range(COUNT)],
}
OTHERS = {
    "identifier": [f"{'ABC'[i % 3]}{i:04}" for i in range(COUNT)],
    "free text": [f"the machine stopped after {i} hours in the rain" for i in range(COUNT)],
}


@pytest.mark.parametrize(("name", "cells"), THINGS.items(), ids=THINGS)
def test_d2_names_of_things_are_told_and_may_be_categories(
    look: Look, name: str, cells: list[str]
) -> None:
    alone = decided(look(column("thing", quoted(cells))), "thing")
    assert (alone.use.value, alone.kind) == ("not used", "identifier")
    assert alone.reason.startswith(f"{name}; nearly every row has its own: row 2 '")
    repeated = look(column("thing", quoted(cells[:30] * 4)))
    assert decided(repeated, "thing").reason == f"{name}; 30 values"
    assert values(repeated, "thing")[0] == cells[0]


@pytest.mark.parametrize(("name", "cells"), VALUES.items(), ids=VALUES)
def test_d2_several_values_in_a_cell_are_told_with_what_to_do(
    look: Look, name: str, cells: list[str]
) -> None:
    found = decided(look(column("thing", quoted(cells))), "thing")
    assert (found.use.value, found.kind) == ("not used", name)
    assert "row 2 '" in found.reason
    assert "; write " in found.reason
    asked = look(column("thing", quoted(cells)), columns={"thing": "category"})
    assert values(asked, "thing")[0] == cells[0]
    few = look(column("thing", quoted(cells[:12] * 10)))
    assert decided(few, "thing").kind == "category"


@pytest.mark.parametrize(
    "form", ["{0}-{1}", "{0}x{1}", "{0}/{1}", "({0}, {1})", "[{0}; {1}; 3]", "{0} \u2013 {1}"]
)
def test_d2_ranges_sizes_and_points_are_several_numbers(look: Look, form: str) -> None:
    cells = quoted([form.format(i * 13 % 97 + 100, i + 0.25) for i in range(COUNT)])
    assert decided(look(column("thing", cells)), "thing").kind == "several numbers"


@pytest.mark.parametrize(("kind", "cells"), OTHERS.items(), ids=OTHERS)
def test_d2_codes_and_sentences_are_told_apart(look: Look, kind: str, cells: list[str]) -> None:
    found = decided(look(column("thing", cells)), "thing")
    assert (found.use.value, found.kind) == ("not used", kind)
    assert "row 2 '" in found.reason


@pytest.mark.parametrize("bound", ["<", ">", "~", "\u2264", ">="])
def test_d2_bounds_of_a_measurement_are_told_as_units_are(look: Look, bound: str) -> None:
    cells = [f"{bound}{i * 0.37:.2f}" if i % 3 else f"{i * 0.37:.2f}" for i in range(COUNT)]
    (problem,) = look(column("level", cells)).problems
    assert f"'level' has numbers with {bound!r}: row 3 " in problem
    told = look(column("level", cells), columns={"level": {"unit": bound}})
    assert (values(told, "level")[1], told.problems) == (0.37, ())


@pytest.mark.parametrize(
    "text",
    ["1,2" * 300 + "x", "1-2-" * 200, "." * 900, "a@" + "a." * 450 + "@", "/a" * 450 + "|",
     "{" * 900, '{"' * 450, "x" * 100_000],
)  # fmt: skip
def test_d2_no_text_takes_long_to_recognise(text: str) -> None:
    started = time.monotonic()
    assert shape_of([f"{text}{i}?" for i in range(1000)]) is None
    assert time.monotonic() - started < 5
