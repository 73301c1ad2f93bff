"""Which rows are used, and how they are named."""

from __future__ import annotations

import pyarrow.compute as pc
import pytest

from retread.core import Inconclusive, InvalidInput
from retread.data import TIMESTAMP, Split
from retread.training.examples import joined, read_examples, sampled, spread

from .conftest import Bench


def test_without_a_window_the_digest_is_the_versions(rentals_bench: Bench) -> None:
    version = rentals_bench.version
    examples = read_examples(rentals_bench.datasets, version, Split.EVALUATION)
    assert examples.digest == version.evaluation_digest
    assert examples.count == version.splits[Split.EVALUATION]


def test_a_window_takes_the_last_days_of_the_version(rentals_bench: Bench) -> None:
    store, version = rentals_bench.datasets, rentals_bench.version
    newest = pc.max(store.read(version)[TIMESTAMP]).as_py()
    everything = read_examples(store, version, Split.EVALUATION)
    recent = read_examples(store, version, Split.EVALUATION, 2.0)
    assert 0 < recent.count < everything.count
    assert recent.digest != everything.digest
    ages = [(newest - at).total_seconds() for at in recent.rows[TIMESTAMP].to_pylist()]
    assert max(ages) < 2 * 86_400
    assert recent.digest == read_examples(store, version, Split.EVALUATION, 2.0).digest


def test_a_window_needs_timestamps(fruit_bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="no timestamps"):
        read_examples(fruit_bench.datasets, fruit_bench.version, Split.TRAIN, 2.0)


def test_a_sample_is_drawn_by_its_seed(fruit_bench: Bench) -> None:
    examples = read_examples(fruit_bench.datasets, fruit_bench.version, Split.TRAIN)
    half = sampled(examples, 0.5, seed=1)
    assert half.count == round(examples.count / 2)
    assert list(half.ids) == sorted(half.ids)
    assert half.digest == sampled(examples, 0.5, seed=1).digest
    assert half.digest != sampled(examples, 0.5, seed=2).digest
    assert sampled(examples, 0.0001, seed=1).count == 1
    assert sampled(examples, 1.0, seed=1) is examples


def test_spread_takes_from_all_over(fruit_bench: Bench) -> None:
    examples = read_examples(fruit_bench.datasets, fruit_bench.version, Split.TRAIN)
    few = spread(joined(examples, examples), 5)
    assert few.count == 5
    assert few.ids[0] == examples.ids[0]
    assert few.ids[-1] == examples.ids[-1]


def test_a_label_the_model_does_not_know_makes_it_inconclusive(fruit_bench: Bench) -> None:
    examples = read_examples(fruit_bench.datasets, fruit_bench.version, Split.TRAIN)
    with pytest.raises(Inconclusive, match="melon"):
        examples.truth(("apple", "pear"))
