"""Effect sizes: the corrected population stability index."""

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
def test_small_windows_without_a_change_have_small_effects(rows: int) -> None:
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


def shares(rows: int, **values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a column in which each value (`n5` is 5) has a share, in per cent."""
    repeats = [round(rows * share / 100) for share in values.values()]
    return np.repeat([float(name[1:]) for name in values], repeats)


@pytest.mark.parametrize("rows", [30, 100, 400])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"n0": 100}, {"n9": 100}),
        ({"n9": 100}, {"n0": 100}),
        ({"n0": 95, "n1": 5}, {"n1": 100}),
        ({"n0": 5, "n1": 95}, {"n0": 100}),
        ({"n0": 60, "n1": 40}, {"n1": 100}),
        ({"n0": 60, "n1": 40}, {"n0": 100}),
        ({"n0": 93, "n3": 4, "n6": 3}, {"n7": 50, "n8": 50}),
        ({"n0": 3, "n3": 4, "n9": 93}, {"n1": 50, "n2": 50}),
    ],
    ids=[
        "all up", "all down", "mostly 0 to 1", "mostly 1 to 0", "both to 1", "both to 0",
        "low to high", "high to low",
    ],
)  # fmt: skip
def test_a_move_from_or_to_a_common_value_has_an_effect(
    rows: int, before: dict[str, float], after: dict[str, float]
) -> None:
    def column(**values: float) -> Streams:
        column = shares(rows, **values)
        return Streams(rows, {"x": column}, {}, np.zeros((rows, 0), np.float32))

    assert effect_sizes(column(**before), column(**after), ("x",))["x"] > 0.5
    assert effect_sizes(column(**before), column(**before), ("x",))["x"] == 0.0


@pytest.mark.parametrize("rare", [0.03, 0.07, 0.2, 0.5])
@pytest.mark.parametrize("rows", [50, 100])
def test_a_column_of_mostly_zeros_without_a_change_has_a_small_effect(
    rare: float, rows: int
) -> None:
    rng = np.random.default_rng(0)

    def column(rows: int) -> Streams:
        values = np.where(rng.random(rows) < rare, rng.exponential(size=rows), 0.0)
        return Streams(rows, {"x": values}, {}, np.zeros((rows, 0), np.float32))

    reference = column(600)
    effects = [effect_sizes(reference, column(rows), ("x",))["x"] for _ in range(200)]
    assert float(np.mean(np.array(effects) >= 0.2)) < (0.15 if rows < 100 else 0.02)
    assert float(np.median(effects)) < 0.06


@given(counts)
def test_equal_histograms_have_no_effect(counted: list[int]) -> None:
    histogram = np.array(counted, dtype=float)
    assert stability_index(histogram, histogram) == 0.0


@given(counts, counts)
def test_the_index_is_never_negative(left: list[int], right: list[int]) -> None:
    bins = min(len(left), len(right))
    index = stability_index(np.array(left[:bins], float), np.array(right[:bins], float))
    assert 0.0 <= index < np.inf
