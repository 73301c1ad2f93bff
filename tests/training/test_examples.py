"""Which rows are used, and how they are named."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from retread.bundle import REFERENCE, Cause, CauseKind, decode_reference
from retread.core import Inconclusive, InvalidInput, ManualClock
from retread.data import LABEL, TIMESTAMP, Split, add_rows
from retread.data.traffic_source import traffic_source
from retread.training import Overrides, plan_runs
from retread.training.examples import added_since, joined, read_examples, sampled, spread
from retread.training.run import run

from .conftest import NOON, Bench


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


def test_what_was_added_since_is_enough_or_all_is_taken(fruit_bench: Bench) -> None:
    rows = read_examples(fruit_bench.datasets, fruit_bench.version, Split.TRAIN)
    known = set(rows.ids[:-5].tolist())
    assert set(added_since(rows, known, 5).ids) == set(rows.ids[-5:])
    assert added_since(rows, known, 6) is rows
    assert added_since(rows, (), 6).count == rows.count


def test_a_model_of_changed_traffic_is_compared_with_that_traffic(fruit_bench: Bench) -> None:
    bench = fruit_bench
    traffic = [
        {"weight": 5_000.0 + place, "ripeness": place / 400, "colour": "red", LABEL: label}
        for place, label in enumerate(["apple"] * 200 + ["melon"] * 200)
    ]
    version = add_rows(
        bench.datasets,
        "trial",
        pa.Table.from_pylist(traffic),
        source=traffic_source("trg_1"),
        settings=bench.project.settings.data,
        clock=ManualClock(NOON),
    )
    bench.datasets.release("trial", version.number)
    weights = {}
    for kind, trigger in ((CauseKind.DRIFT, "trg_1"), (CauseKind.MANUAL, "trg_2")):
        request = plan_runs(
            bench.project.settings,
            Overrides(),
            Cause(kind=kind, trigger=trigger),
            version,
            kind.value,
        )[0]
        outcome = run(bench.shop, request, "2012-06-01T12:00:00+00:00", lambda _: None)
        reference = decode_reference(bench.bundles.read(outcome.bundle, REFERENCE))
        weights[kind] = reference.numeric["weight"]
    assert np.nanmin(weights[CauseKind.DRIFT]) >= 5_000
    assert np.nanmin(weights[CauseKind.MANUAL]) < 2_000
