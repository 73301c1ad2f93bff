"""Most columns that do not count the rows are told by few of their values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.data.checks.counting import _counts, _may_count

STEPS = st.lists(st.integers(0, 9), min_size=19, max_size=60)


@pytest.mark.slow
@given(STEPS, st.sampled_from([1.0, 0.25, 0.1, 60.0]), st.integers(-5, 5), st.randoms())
def test_size_no_column_that_counts_is_passed_over(
    steps: list[int], unit: float, start: int, random: np.random.Generator
) -> None:
    values = np.cumsum([start, *steps]) * unit
    random.shuffle(values)
    assert not _counts(np.sort(values)) or _may_count(values)


@pytest.mark.parametrize("rows", [900, 1_000, 1_001, 5_000, 60_000])
@pytest.mark.parametrize("largest", [1, 2, 4, 8, 19])
def test_size_uneven_steps_of_long_columns_are_not_passed_over(rows: int, largest: int) -> None:
    random = np.random.default_rng(rows + largest)
    for unit in (1.0, 0.5, 86_400.0):
        steps = random.choice([1, largest], rows, p=[0.55, 0.45])
        for order in (steps, np.sort(steps), np.sort(steps)[::-1]):
            values = np.cumsum(order) * unit
            assert not _counts(values) or _may_count(random.permutation(values))


def test_size_gaps_at_one_end_do_not_hide_a_count() -> None:
    values = np.concatenate([[0.0], np.arange(50_000, 100_500.0)])
    assert _counts(values)
    assert _may_count(values[::-1].copy())


@pytest.mark.parametrize("kind", ["normal", "uniform", "few", "rounded"])
def test_size_columns_that_do_not_count_are_not_sorted(kind: str) -> None:
    random = np.random.default_rng(0)
    columns = {
        "normal": random.normal(size=50_000),
        "uniform": random.uniform(size=50_000),
        "few": random.integers(0, 900, 50_000).astype(np.float64),
        "rounded": random.normal(50, 9, 50_000).round(2),
    }
    assert not _may_count(columns[kind])
