"""Checks that look at the values of a table: leaks, counting columns, dates, classes, labels."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retread.core import CheckResult, Outcome, Refused, UnknownOption
from retread.data import DatasetVersion, Split
from retread.data.split_plan import SplitMethod

Adds = Callable[..., DatasetVersion]
Write = Callable[..., Path]
Columns = Mapping[str, Sequence[Any]]

RANDOM = np.random.default_rng(5)
COUNT = 300
NOISE = RANDOM.normal(size=COUNT).tolist()
OTHER = RANDOM.normal(size=COUNT).tolist()
LABELS = RANDOM.permutation(["good"] * 200 + ["bad"] * 100).tolist()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def run(columns: Columns, name: str = "rows.csv") -> Path:
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return path

    return run


def result(version: DatasetVersion, name: str) -> CheckResult:
    return next(check for check in version.checks if check.check == name)


def told(version: DatasetVersion) -> set[str]:
    return {check.check for check in version.notices}


def with_threshold(values: Sequence[float]) -> list[str]:
    return ["good" if value > 0 else "bad" for value in values]


SUM = [left + right for left, right in zip(NOISE, OTHER, strict=True)]
POSITIVE = [2.0 + abs(value) for value in NOISE]
PRODUCT = [left * right for left, right in zip(POSITIVE, OTHER, strict=True)]
LEAKING_LABELS: dict[str, tuple[Columns, str]] = {
    "a copy": (
        {"x": NOISE, "verdict": [{"good": "ok", "bad": "no"}[y] for y in LABELS]},
        "verdict",
    ),
    "a code": ({"x": NOISE, "code": [{"good": 7.5, "bad": 1.5}[y] for y in LABELS]}, "code"),
    "known only if bad": (
        {"x": NOISE, "days": [3.5 + i / 7 if y == "bad" else "" for i, y in enumerate(LABELS)]},
        "days",
    ),
}
LEAKING_TARGETS: dict[str, tuple[Columns, list[float], str]] = {
    "a copy": ({"x": NOISE, "again": [3 * v for v in OTHER]}, OTHER, "again"),
    "a power": ({"x": NOISE, "cube": [v**3 for v in OTHER]}, OTHER, "cube"),
    "a sum": ({"x": NOISE, "y": OTHER}, SUM, "x + y"),
    "a difference": ({"x": NOISE, "both": SUM}, OTHER, "x - both"),
    "a product": ({"x": POSITIVE, "y": OTHER}, PRODUCT, "x * y"),
    "a quotient": ({"y": PRODUCT, "z": POSITIVE}, OTHER, "y / z"),
    "rounded": ({"x": NOISE, "near": [round(v, 2) for v in OTHER]}, OTHER, "near"),
}


@pytest.mark.parametrize(("columns", "name"), LEAKING_LABELS.values(), ids=LEAKING_LABELS)
def test_e29_a_column_that_decides_the_label_is_told(
    columns: Columns, name: str, add: Adds, write: Write
) -> None:
    version = add(write({**columns, "label": LABELS}), labels="label")
    found = result(version, "leak")
    assert found.notice
    assert f": {name} (" in found.reason
    assert not version.is_quarantined


def test_e29_a_difference_that_decides_the_label_is_told(add: Adds, write: Write) -> None:
    labels = with_threshold([a - b for a, b in zip(NOISE, OTHER, strict=True)])
    version = add(write({"home": NOISE, "away": OTHER, "label": labels}), labels="label")
    assert "home - away" in result(version, "leak").reason


@pytest.mark.parametrize(
    ("columns", "target", "name"), LEAKING_TARGETS.values(), ids=LEAKING_TARGETS
)
def test_e29_a_column_or_sum_that_decides_the_target_is_told(
    columns: Columns, target: list[float], name: str, add: Adds, write: Write
) -> None:
    path = write({**columns, "target": target})
    found = result(add(path, labels="target", regression=True), "leak")
    assert found.notice
    assert f": {name} (" in found.reason


def test_e29_where_a_constant_is_right_as_well_no_column_is_told(add: Adds, write: Write) -> None:
    for rare in ([7], [7, 90], [3, COUNT - 1]):
        labels = ["bad" if i in rare else "good" for i in range(COUNT)]
        columns = {"x": NOISE, "y": OTHER, "label": labels}
        version = add(write(columns), dataset=f"d{len(rare)}-{rare[0]}", labels="label")
        assert "leak" not in told(version)


def test_e29_columns_that_only_help_are_not_told(add: Adds, write: Write) -> None:
    weights = [(9.0 if y == "good" else 5.0) + v for y, v in zip(LABELS, NOISE, strict=True)]
    names = [f"id-{i}" for i in range(COUNT)]
    rare = ["bad" if i % 60 == 7 else "good" for i in range(COUNT)]
    for labels in (LABELS, rare):
        version = add(write({"w": weights, "n": names, "label": labels}), labels="label")
        assert "leak" not in told(version)
    target = [3 * a + b for a, b in zip(NOISE, OTHER, strict=True)]
    path = write({"x": NOISE, "n": names, "target": target})
    assert "leak" not in told(add(path, dataset="numbers", labels="target", regression=True))


@pytest.mark.parametrize("action", ["quarantine", "refuse"])
def test_what_a_finding_leads_to_is_a_setting(action: str, add: Adds, write: Write) -> None:
    path = write({"x": NOISE, "again": LABELS, "label": LABELS})
    settings = {"checks": {"leak": action}}
    if action == "refuse":
        with pytest.raises(
            Refused, match=r'Alone decides the label.*\[data.checks\] leak = "tell"'
        ):
            add(path, labels="label", settings=settings)
    else:
        version = add(path, labels="label", settings=settings)
        assert [check.check for check in version.failed_checks] == ["leak"]
    with pytest.raises(UnknownOption, match="Unknown check in"):
        add(path, labels="label", settings={"checks": {"leek": action}})


@pytest.mark.parametrize(
    "numbers",
    [
        range(COUNT),
        range(COUNT, 0, -1),
        range(7, 10 * COUNT, 10),
        range(-5000, -5000 + 250 * COUNT, 250),
        [1000 + i + i // 3 for i in range(COUNT)],
        [3 * i + (i * i) % 3 for i in range(COUNT)],
        [i / 24 for i in range(COUNT)],
    ],
    ids=[
        "from 0",
        "down",
        "in tens",
        "below 0",
        "with gaps",
        "with many gaps",
        "in parts of a day",
    ],
)
def test_d5_a_column_that_counts_rows_is_told(
    numbers: Sequence[float], add: Adds, write: Write
) -> None:
    columns = {"x": NOISE, "n": numbers}
    version = add(write({**columns, "label": LABELS}), labels="label")
    assert "count the rows: 'n'." in result(version, "counting").reason
    version = add(write({**columns, "label": sorted(LABELS)}), dataset="s", labels="label")
    assert "'n', and the rows are sorted by label" in result(version, "counting").reason
    assert told(version) >= {"counting", "leak"}


def test_numbers_that_measure_something_do_not_count(add: Adds, write: Write) -> None:
    ages = [20 + i % 60 for i in range(COUNT)]
    version = add(write({"x": NOISE, "age": ages, "label": LABELS}), labels="label")
    assert not told(version)


def test_a_constant_column_is_told(add: Adds, write: Write) -> None:
    columns = {"x": NOISE, "site": ["Ulm"] * COUNT, "one": [1] * COUNT, "label": LABELS}
    version = add(write(columns), labels="label")
    # It may vary in the next version, whose columns are the same then.
    assert [c.name for c in version.schema.columns] == ["x", "site", "one"]
    assert "The same value in every row: 'site', 'one'." in result(version, "constant").reason
    assert told(version) == {"constant"}


@pytest.mark.parametrize("odd", ["9999-12-31", "2999-01-01", "1899-12-30", "1970-01-01"])
def test_e18_dates_outside_reason_are_told_with_their_row(
    odd: str, add: Adds, write: Write
) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    times = [f"{start + timedelta(hours=i):%Y-%m-%dT%H:%M:%S}" for i in range(COUNT)]
    times[16] = f"{odd}T00:00:00"
    version = add(
        write({"x": NOISE, "at": times, "label": LABELS}),
        labels="label",
        settings={"timestamp": "at"},
    )
    assert "1 of 300 rows have a time in the future" in result(version, "dates").reason
    assert f"row 18: {odd}" in result(version, "dates").reason
    plan = version.split_plan
    assert plan is not None
    assert plan.method is SplitMethod.TIME
    assert plan.time is not None
    assert plan.time.until.year == 2024
    assert abs(version.splits[Split.EVALUATION] - 60) < 30


def test_d11_classes_that_cannot_be_judged_are_told(add: Adds, write: Write) -> None:
    labels = [*LABELS, *(["rare"] * 3)]
    columns = {"x": [*NOISE, 0.1, 0.2, 0.3], "y": [*OTHER, 1.5, 2.5, 3.5], "label": labels}
    folds = ["test" if i % 4 == 0 else "train" for i in range(COUNT)] + ["train"] * 3
    version = add(write({**columns, "fold": folds}), labels="label", settings={"split": "fold"})
    assert "'rare' without an evaluation example" in result(version, "classes").reason
    labels[-1] = "single"
    version = add(
        write({**columns, "fold": folds, "label": labels}), labels="label", dataset="s",
        settings={"split": "fold", "validation_share": 0.01},
    )  # fmt: skip
    assert "'single' with one example only" in result(version, "classes").reason


@pytest.mark.parametrize(("count", "held"), [(60, True), (6, False)])
def test_e15_rows_added_again_under_another_label_are_counted(
    count: int, held: bool, add: Adds, write: Write
) -> None:
    columns = {"x": NOISE, "y": OTHER}
    add(write({**columns, "label": LABELS}), labels="label")
    flipped = [{"good": "bad", "bad": "good"}[label] for label in LABELS[:count]]
    again = {"x": NOISE[:count], "y": OTHER[:count], "label": flipped}
    version = add(write(again), labels="label", append=True)
    found = result(version, "relabelled")
    assert f"{count} of the 300 rows in common with tires@1 have another label" in found.reason
    assert found.numbers["added_again"] == count
    assert version.is_quarantined is held
    assert found.notice is not held


def test_e15_the_share_that_may_be_relabelled_is_a_setting(add: Adds, write: Write) -> None:
    add(write({"x": NOISE, "label": LABELS}), labels="label")
    again = {"x": NOISE[:6], "label": [{"good": "bad", "bad": "good"}[y] for y in LABELS[:6]]}
    settings = {"max_relabelled_share": 0.01}
    assert add(write(again), labels="label", append=True, settings=settings).is_quarantined


def test_e16_near_equal_rows_across_splits_are_counted(add: Adds, write: Write) -> None:
    x = [*NOISE, *(value + 1e-9 for value in NOISE)]
    y = [*OTHER, *(value - 1e-9 for value in OTHER)]
    columns = {"x": x, "y": y, "label": LABELS * 2}
    assert result(add(write(columns), labels="label"), "duplicates").numbers["near_equal"] == 0
    folds = ["train"] * COUNT + ["test"] * COUNT
    version = add(
        write({**columns, "fold": folds}), labels="label", dataset="s", settings={"split": "fold"}
    )
    found = result(version, "duplicates")
    assert found.outcome is Outcome.FAIL
    assert "equal but for noise" in found.reason


def test_e06_rows_that_repeat_by_nature_are_not_held_for_it(add: Adds, write: Write) -> None:
    random = np.random.default_rng(2)
    columns = {
        "colour": random.choice(["red", "green", "blue"], 600),
        "size": random.choice(["S", "L"], 600),
        "label": random.choice(["buy", "leave"], 600),
    }
    version = add(write(columns), labels="label")
    assert not version.is_quarantined
    assert "Rows repeat by nature" in result(version, "duplicates").reason


@pytest.mark.parametrize(
    ("labels", "told"),
    [(["bad", "Bad", "good"], "'bad' 7, 'Bad' 7"), (["ok", "ok.", "no"], "'ok' 7, 'ok.' 7"),
     (["a b", "a  b", "c"], "'a b' 7, 'a  b' 7"), (["a_b", "a b", "c"], "'a b' 7, 'a_b' 7"),
     (["\uff11", "1", "2"], "'1' 7, '\uff11' 7"), (["1", "1.0", "-1"], "'1' 7, '1.0' 7")],
)  # fmt: skip
def test_d9_near_equal_labels_wait_with_their_counts(
    add: Adds, write: Write, labels: list[str], told: str
) -> None:
    rows = {"x": NOISE[:21], "y": labels * 7}
    check = result(add(write(rows), labels="y"), "spelling")
    assert check.outcome is Outcome.FAIL
    assert all(one in check.reason for one in told.split(", "))


def test_d9_a_label_appended_in_another_spelling_waits(add: Adds, write: Write) -> None:
    add(write({"x": NOISE, "y": LABELS}), labels="y")
    more = write({"x": OTHER[:20], "y": ["Good"] * 20}, "more.csv")
    version = add(more, labels="y", append=True)
    assert result(version, "spelling").outcome is Outcome.FAIL
