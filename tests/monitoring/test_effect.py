import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.monitoring import Streams, effect_sizes
from retread.monitoring.effect import stability_index

counts = st.lists(st.integers(0, 50), min_size=1, max_size=8)


def streams(rng: np.random.Generator, rows: int, shift: float = 0.0) -> Streams:
    return Streams(
        rows=rows,
        numeric={"number": rng.normal(shift, 1.0, size=rows)},
        categorical={"category": rng.choice(list("abcdefgh"), size=rows)},
        embedding=(rng.normal(size=(rows, 16)) + shift).astype(np.float32),
    )


@pytest.mark.parametrize("rows", [30, 50, 100, 400])
def test_small_quiet_windows_are_no_drift(rows: int) -> None:
    rng = np.random.default_rng(0)
    reference = streams(rng, 600)
    effects = [
        effect
        for _ in range(60)
        for effect in effect_sizes(reference, streams(rng, rows), reference.names).values()
    ]
    assert float(np.mean(np.array(effects) >= 0.2)) < (0.2 if rows < 100 else 0.02)
    assert float(np.median(effects)) < 0.06


@pytest.mark.parametrize("shift", [0.5, 1.0])
def test_the_effect_of_a_shift_is_about_its_square(shift: float) -> None:
    rng = np.random.default_rng(0)
    effect = effect_sizes(streams(rng, 5_000), streams(rng, 2_000, shift), ("number",))
    assert effect["number"] == pytest.approx(shift**2, rel=0.25)


def test_the_effect_on_an_embedding_is_seen_on_its_axes() -> None:
    rng = np.random.default_rng(0)
    effect = effect_sizes(streams(rng, 500), streams(rng, 200, 1.0), ("embedding",))
    assert effect["embedding"] > 0.5


def test_missing_values_have_an_effect() -> None:
    rng = np.random.default_rng(0)
    recent = streams(rng, 100)
    recent.numeric["number"][:50] = np.nan
    assert effect_sizes(streams(rng, 500), recent, ("number",))["number"] > 0.5


def test_a_constant_column_that_stays_has_no_effect() -> None:
    same = Streams(50, {"zero": np.zeros(50)}, {}, np.zeros((50, 0), np.float32))
    assert effect_sizes(same, same, ("zero",)) == {"zero": 0.0}


@given(counts)
def test_equal_histograms_have_no_effect(counted: list[int]) -> None:
    histogram = np.array(counted, dtype=float)
    assert stability_index(histogram, histogram) == 0.0


@given(counts, counts)
def test_the_index_is_never_negative(left: list[int], right: list[int]) -> None:
    bins = min(len(left), len(right))
    index = stability_index(np.array(left[:bins], float), np.array(right[:bins], float))
    assert 0.0 <= index < np.inf
