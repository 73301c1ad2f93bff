"""How rows are assigned to splits: by time, at random, by group, or as the source says."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from retread.core import InvalidInput
from retread.core.column_rules import ColumnRules, ValueKind
from retread.data import (
    DIGEST,
    GROUP,
    ID,
    LABEL,
    SOURCE,
    SPLIT,
    TIMESTAMP,
    DatasetStore,
    DatasetVersion,
    SourceExamples,
    Split,
)
from retread.data.assign import AssignedRows, Base, assign_splits
from retread.data.split_plan import SplitMethod
from retread.data.splits import SPLIT_WORDS, split_of_block
from retread.data.tables import Features
from retread.data.tabular import gather_columns
from retread.project.settings import DataSection

Adds = Callable[..., DatasetVersion]

DAY_ONE = datetime(2023, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BY_TIME = DataSection(timestamp="at")


def source(
    values: Iterable[float],
    times: Iterable[datetime] | None = None,
    groups: Iterable[str] | None = None,
    splits: Iterable[str] | None = None,
) -> SourceExamples:
    """Return rows with one feature `x`."""
    x = pa.chunked_array([list(values)], pa.float64())
    rows = {
        LABEL: pa.chunked_array([["ab"[i % 2] for i in range(len(x))]]),
        SOURCE: pa.chunked_array([["here"] * len(x)]),
    }
    if times is not None:
        rows[TIMESTAMP] = pa.chunked_array([list(times)], pa.timestamp("us", tz="UTC"))
    if groups is not None:
        rows[GROUP] = pa.chunked_array([list(groups)])
    if splits is not None:
        rows[SPLIT] = pa.chunked_array([list(splits)])
    return gather_columns(rows, as_features({"x": x}), "here", None)


def as_features(columns: dict[str, pa.ChunkedArray]) -> Features:
    """Columns that were read already: numbers, or text."""
    is_text = {name: pa.types.is_string(values.type) for name, values in columns.items()}
    rules = tuple(
        ColumnRules(name=name, kind=ValueKind.CATEGORY if text else ValueKind.NUMBER)
        for name, text in is_text.items()
    )
    values = {n: v if is_text[n] else v.cast(pa.float64()) for n, v in columns.items()}
    return Features(rules, values)


def grown(before: AssignedRows | None, more: SourceExamples, settings: DataSection) -> AssignedRows:
    """Append a source to a version."""
    if before is None:
        return assign_splits(more, Base(), settings, NOW)
    base = Base(before.plan, before.keys, frozenset(before.keys[ID].to_pylist()))
    return assign_splits(more, base, settings, NOW)


def splits(rows: AssignedRows) -> dict[str, str]:
    return dict(zip(rows.keys[ID].to_pylist(), rows.keys[SPLIT].to_pylist(), strict=True))


def days(rows: AssignedRows, split: Split) -> set[Any]:
    return {time.date() for time, found in pairs(rows, TIMESTAMP) if found == split}


def pairs(rows: AssignedRows, name: str) -> list[tuple[Any, str]]:
    """Return each row's value of a column, and its split."""
    return list(zip(rows.keys[name].to_pylist(), rows.keys[SPLIT].to_pylist(), strict=True))


def most_splits(rows: AssignedRows, name: str) -> int:
    """Return the largest number of splits that rows of one value are in."""
    found: dict[Any, set[str]] = {}
    for value, split in pairs(rows, name):
        found.setdefault(value, set()).add(split)
    return max(len(splits) for splits in found.values())


def hours(first: int, count: int) -> list[datetime]:
    return [DAY_ONE + timedelta(hours=first + hour) for hour in range(count)]


@pytest.mark.parametrize("step", [timedelta(seconds=7), timedelta(hours=1), timedelta(days=1)])
def test_e09_evaluation_is_the_newest_part_and_validation_before_it(step: timedelta) -> None:
    times = [DAY_ONE + step * i for i in range(1000)]
    found = grown(None, source(np.arange(1000) % 7, times[::-1]), BY_TIME)
    assert found.plan.method is SplitMethod.TIME
    order = [split for _, split in sorted(pairs(found, TIMESTAMP))]
    counts = Counter(order)
    assert order == [split.value for split in Split for _ in range(counts[split])]
    assert abs(counts[Split.EVALUATION] - 200) <= 30
    assert abs(counts[Split.VALIDATION] - 150) <= 30
    assert "Split by time (at): training before 20" in found.plan.reason


def test_e09_the_default_is_chosen_by_the_data_and_random_by_name() -> None:
    rows = source(np.random.default_rng(0).normal(size=500), hours(0, 500))
    assert grown(None, rows, BY_TIME).plan.method is SplitMethod.TIME
    named = DataSection(timestamp="at", split="random")
    assert grown(None, rows, named).plan.method is SplitMethod.RANDOM
    assert grown(None, rows, DataSection()).plan.method is SplitMethod.RANDOM


def test_e09_rows_of_one_time_are_not_split_by_time_and_it_is_said() -> None:
    rows = source(np.random.default_rng(0).normal(size=500), [DAY_ONE] * 500)
    found = grown(None, rows, BY_TIME)
    assert found.plan.method is SplitMethod.RANDOM
    assert "Not by time, because the rows share few times (500 rows end at 1 diff" in (
        found.plan.reason
    )
    with pytest.raises(InvalidInput, match="cannot be split by time"):
        grown(None, rows, DataSection(timestamp="at", split="time"))


@pytest.mark.parametrize(
    "seeds", [range(12), pytest.param(range(12, 200), marks=pytest.mark.slow)], ids=["12", "200"]
)
def test_no_row_moves_and_training_holds_some_of_the_newest_days(seeds: range) -> None:
    for seed in seeds:
        random = np.random.default_rng(seed)
        settings = [BY_TIME, DataSection(), DataSection(group="g")][seed % 3]
        version: AssignedRows | None = None
        before: dict[str, str] = {}
        at = 0
        for _ in range(3):
            count = int(random.integers(20, 60))
            # Some rows come late, some again, and the clock runs at any pace.
            starts = at + np.sort(random.integers(-20, 24 * 20, count))
            times = [DAY_ONE + timedelta(hours=int(hour)) for hour in starts]
            groups = [f"item {hour // 30}" for hour in starts] if settings.group else None
            more = source(random.integers(0, 400, count) / 7, times, groups)
            version = grown(version, more, settings)
            after = splits(version)
            assert before.items() <= after.items()
            before, at = after, at + 24 * 20
        assert version is not None
        if settings is BY_TIME:
            newest = max(times).date()
            recent = {newest - timedelta(days=back) for back in range(7)}
            assert days(version, Split.TRAIN) & recent


@pytest.mark.parametrize(("evaluation", "validation"), [(0.2, 0.15), (0.1, 0.1), (0.45, 0.4)])
def test_training_has_some_of_any_few_blocks_in_sequence(
    evaluation: float, validation: float
) -> None:
    shares = {"evaluation_share": evaluation, "validation_share": validation}
    for period, longest in ((1, 4), (7, 20), (30, 20)):
        found = [split_of_block(block, **shares) for block in range(18_000, 30_000, period)]
        counts = Counter(found)
        assert abs(counts[Split.EVALUATION] / len(found) - evaluation) < 0.08
        run = most = 0
        for split in found:
            run = 0 if split is Split.TRAIN else run + 1
            most = max(most, run)
        if evaluation + validation < 0.5:
            assert most <= longest


def test_a_version_of_all_rows_keeps_the_splits_of_the_one_before() -> None:
    times = hours(0, 3000)
    values = np.random.default_rng(1).normal(size=3000)
    first = grown(None, source(values[:1000], times[:1000]), BY_TIME)
    again = assign_splits(source(values, times), Base(first.plan, first.keys), BY_TIME, NOW)
    assert splits(first).items() <= splits(again).items()
    assert {split.value for split in Split} == set(again.keys[SPLIT].to_pylist()[1000:])


def test_groups_stay_whole_when_rows_are_split_by_time() -> None:
    times = hours(0, 2000)
    groups = [f"item {i // 10}" for i in range(2000)]
    values = np.arange(2000) / 3
    settings = DataSection(timestamp="at", group="g")
    found = grown(None, source(values[:1500], times[:1500], groups[:1500]), settings)
    assert found.plan.method is SplitMethod.TIME
    later = grown(found, source(values[1490:], times[1490:], groups[1490:]), settings)
    assert most_splits(later, GROUP) == 1
    assert max(days(found, Split.TRAIN)) <= min(days(found, Split.EVALUATION))


def test_groups_that_overlap_in_time_are_split_by_group() -> None:
    rows = source(np.arange(400) / 3, hours(0, 400), [f"store {i % 4}" for i in range(400)])
    found = grown(None, rows, DataSection(timestamp="at", group="g"))
    assert found.plan.method is SplitMethod.GROUP
    assert "Not by time, because the groups overlap" in found.plan.reason


@pytest.mark.parametrize("kinds", [[6], [2, 2, 3], [4, 30]], ids=str)
def test_e06_rows_that_repeat_by_nature_are_split_by_row(kinds: list[int]) -> None:
    random = np.random.default_rng(0)
    columns = {
        f"c{i}": pa.chunked_array([random.integers(0, kind, 1000)]) for i, kind in enumerate(kinds)
    }
    rows = {
        LABEL: pa.chunked_array([[str(v) for v in random.integers(0, 2, 1000)]]),
        SOURCE: pa.chunked_array([["here"] * 1000]),
    }
    found = grown(None, gather_columns(rows, as_features(columns), "here", None), DataSection())
    assert found.plan.by_row
    assert "1,000 rows have only" in found.plan.reason
    assert abs(Counter(found.keys[SPLIT].to_pylist())[Split.EVALUATION] - 200) < 50


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_e06_a_file_that_was_added_to_itself_is_split_by_group(copies: int) -> None:
    values = np.random.default_rng(0).normal(size=300)
    found = grown(None, source(np.tile(values, copies)), DataSection())
    assert not found.plan.by_row
    assert most_splits(found, DIGEST) == 1


@pytest.mark.parametrize("noise", [1e-9, -1e-10, 1e-7])
@pytest.mark.parametrize("appended", [True, False])
def test_e16_rows_that_are_equal_but_for_noise_share_a_split(noise: float, appended: bool) -> None:
    random = np.random.default_rng(0)
    values, colour = random.normal(size=(400, 2)), random.integers(0, 3, 400)

    def rows(at: np.ndarray[Any, Any], shift: float) -> SourceExamples:
        features = {
            "a": pa.chunked_array([values[at, 0] + shift]),
            "b": pa.chunked_array([values[at, 1] - shift]),
            "colour": pa.chunked_array([["rgb"[c] for c in colour[at]]]),
        }
        attributes = {
            LABEL: pa.chunked_array([["ab"[i % 2] for i in at]]),
            SOURCE: pa.chunked_array([["here"] * len(at)]),
        }
        return gather_columns(attributes, as_features(features), "here", None)

    everything = np.arange(400)
    first = assign_splits(rows(everything, 0.0), Base(), DataSection(), NOW)
    again = rows(everything[::-1], noise)
    if appended:
        features = first.current.select([ID, "a", "b", "colour"])
        retained = frozenset(first.keys[ID].to_pylist())
        base = Base(first.plan, first.keys, retained, features)
        second = assign_splits(again, base, DataSection(), NOW)
        split_of_value = {round(row["a"], 5): row[SPLIT] for row in first.current.to_pylist()}
        for row in second.rows.to_pylist():
            assert row[SPLIT] == split_of_value[round(row["a"] - noise, 5)]
        assert second.rows.num_rows == 400
    else:
        both = pa.concat_tables([rows(everything, 0.0).rows, again.rows])
        parts = (rows(everything, 0.0), again)
        keys = [key for part in parts for key in pa.array(part.similarity_keys).to_pylist()]
        joined = SourceExamples(columns=again.columns, rows=both, similarity_keys=keys)
        found = assign_splits(joined, Base(), DataSection(), NOW)
        groups = Counter(found.keys[GROUP].to_pylist())
        assert set(groups.values()) == {2}


def test_rows_of_a_continuous_column_are_not_taken_for_copies() -> None:
    found = grown(None, source(np.random.default_rng(0).uniform(size=20_000)), DataSection())
    assert len(set(found.keys[GROUP].to_pylist())) > 19_950


@pytest.mark.parametrize(
    "word", [w.upper() for w in SPLIT_WORDS if SPLIT_WORDS[w] is not Split.TRAIN]
)
def test_a_column_names_the_splits(word: str, add: Adds, store: DatasetStore, tmp_path: Path) -> None:  # fmt: skip  # noqa: E501
    wanted = SPLIT_WORDS[word.lower().strip()]
    version = add(_file(tmp_path, word), labels="y", settings={"split": "fold"})
    rows = store.read(version)
    assert [c.name for c in version.schema.columns] == ["x"]
    assert all((row[SPLIT] == wanted) == (row["x"] >= 200) for row in rows.to_pylist())
    assert version.splits.keys() == set(Split)
    assert all(version.splits.values())
    plan = version.split_plan
    assert plan is not None
    assert plan.reason.startswith("Split as column 'fold' says; ")


def test_a_word_that_names_no_split_is_refused(add: Adds, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"Row 202 of rows\.csv has the split 'tset' in column"):
        add(_file(tmp_path, "tset"), labels="y", settings={"split": "fold"})
    with pytest.raises(InvalidInput, match=r"no column 'part', which \[data\] split requires"):
        add(_file(tmp_path, "test"), labels="y", settings={"split": "part"})
    with pytest.raises(InvalidInput, match="no train, valid and test folders"):
        add(_file(tmp_path, "test"), labels="y", settings={"split": "folder"})


def test_splits_that_a_source_gives_are_kept() -> None:
    given = [split.value for split in Split for _ in range(20)]
    found = grown(None, source(np.arange(60) / 7, splits=given), DataSection())
    assert found.plan.method is SplitMethod.FOLDER
    assert Counter(found.keys[SPLIT].to_pylist()) == dict.fromkeys(map(str, Split), 20)


def _file(folder: Path, word: str) -> Path:
    path = folder / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "fold", "y"])
        writer.writerows([i, "train" if i < 200 else word, "ab"[i % 2]] for i in range(250))
    return path
