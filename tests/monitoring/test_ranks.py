"""Ranks among a pool."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retread.monitoring.conformal import ordered_keys, sequential_ranks

finite = st.floats(width=32, allow_nan=False)


@given(st.lists(finite, min_size=2, max_size=20))
def test_keys_order_as_their_values(values: list[float]) -> None:
    array = np.array(values)[:, None]
    keys = ordered_keys(array, np.random.default_rng(0))[:, 0]
    in_order = array[np.argsort(keys), 0]
    assert (in_order[1:] >= in_order[:-1]).all()


def test_a_missing_value_is_less_than_minus_infinity_or_ties_with_it() -> None:
    keys = ordered_keys(np.array([[np.nan], [-1e300], [-5.0]]), np.random.default_rng(0))[:, 0]
    assert max(keys[:2]) < keys[2]


@pytest.mark.parametrize(("pool", "window"), [(12, 40), (40, 40), (900, 40), (40, 7), (1, 3)])
def test_ranks_are_uniform_and_independent_for_any_pool_size(pool: int, window: int) -> None:
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(1_500):
        # Many ties: their random order must still give uniform ranks.
        keys = ordered_keys(rng.integers(0, 3, size=(pool + window, 1)).astype(float), rng)
        rows.append(sequential_ranks(keys[:pool], keys[pool:], rng)[:, 0])
    ranks = np.array(rows)
    assert ranks.shape == (1_500, window)
    assert stats.kstest(ranks[:, 0], "uniform").pvalue > 1e-4
    assert stats.kstest(ranks[:, -1], "uniform").pvalue > 1e-4
    # The mean of independent uniform ranks has variance 1 / (12 window); ranks among one fixed
    # pool would have 1 / 12 (1 / window + 1 / pool).
    spread = ranks.mean(axis=1).var() * 12 * window
    assert 0.88 < spread < 1.12


def test_ranks_show_a_shift() -> None:
    rng = np.random.default_rng(2)
    pool = ordered_keys(rng.normal(size=(300, 2)), rng)
    batch = ordered_keys(rng.normal(size=(100, 2)) + np.array([3.0, 0.0]), rng)
    ranks = sequential_ranks(pool, batch, rng)
    assert ranks[:, 0].mean() > 0.75
    assert 0.4 < ranks[:, 1].mean() < 0.6
    assert ((ranks > 0) & (ranks < 1)).all()
