"""Which rows a run uses, their digests, and the order of labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from retread.bundle import REFERENCE, Cause, CauseKind, decode_reference
from retread.core import Inconclusive, InvalidInput, ManualClock
from retread.data import LABEL, TIMESTAMP, Split, add_rows
from retread.data.traffic_source import traffic_source
from retread.training import Overrides, plan_runs
from retread.training.examples import (
    Examples,
    added_since,
    check_labels,
    check_rows,
    joined,
    ordered_labels,
    read_examples,
    sampled,
    spread,
)

from .conftest import NOON, MakeHarness, Rows, TrainingHarness, rentals


def test_without_a_window_the_digest_is_that_of_the_version(
    rentals_harness: TrainingHarness,
) -> None:
    version = rentals_harness.version
    examples = read_examples(rentals_harness.datasets, version, Split.EVALUATION)
    assert examples.digest == version.evaluation_digest
    assert examples.count == version.splits[Split.EVALUATION]


def test_a_window_keeps_the_last_days_of_the_version(rentals_harness: TrainingHarness) -> None:
    store, version = rentals_harness.datasets, rentals_harness.version
    newest = pc.max(store.read(version)[TIMESTAMP]).as_py()
    everything = read_examples(store, version, Split.EVALUATION)
    recent = read_examples(store, version, Split.EVALUATION, 2.0)
    assert 0 < recent.count < everything.count
    assert recent.digest != everything.digest
    ages = [(newest - at).total_seconds() for at in recent.rows[TIMESTAMP].to_pylist()]
    assert max(ages) < 2 * 86_400
    assert recent.digest == read_examples(store, version, Split.EVALUATION, 2.0).digest


@pytest.mark.parametrize("odd", ["9999-12-31T00:00:00", "2012-06-03T00:00:00"])
def test_e18_a_window_ends_at_the_newest_time_that_is_not_in_the_future(
    odd: str, make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    rows = rentals()
    rows[5]["at"] = odd
    harness = make_harness(
        table(rows), "cnt", data={"timestamp": "at"}, recipe={"kind": "tabular-regression"}
    )
    recent = read_examples(harness.datasets, harness.version, Split.EVALUATION, 2.0)
    assert recent.count >= 40
    assert min(recent.rows[TIMESTAMP].to_pylist()).isoformat() > "2012-01-11"


def test_e18_the_hint_names_the_window_only_if_there_is_one(
    fruit_harness: TrainingHarness,
) -> None:
    examples = read_examples(fruit_harness.datasets, fruit_harness.version, Split.TRAIN)
    empty = Examples(examples.rows.slice(0, 0), "")
    with pytest.raises(InvalidInput, match=r"split has no rows\. Add more data\.$"):
        check_rows("training", empty, ("a",))
    with pytest.raises(InvalidInput, match=r"no rows within 3 days .* increase .* window_days"):
        check_rows("training", empty, ("a",), 3.0)


def test_a_window_needs_timestamps(fruit_harness: TrainingHarness) -> None:
    with pytest.raises(InvalidInput, match="no timestamps"):
        read_examples(fruit_harness.datasets, fruit_harness.version, Split.TRAIN, 2.0)


def test_a_sample_depends_on_its_seed(fruit_harness: TrainingHarness) -> None:
    examples = read_examples(fruit_harness.datasets, fruit_harness.version, Split.TRAIN)
    half = sampled(examples, 0.5, seed=1)
    assert half.count == round(examples.count / 2)
    assert list(half.ids) == sorted(half.ids)
    assert half.digest == sampled(examples, 0.5, seed=1).digest
    assert half.digest != sampled(examples, 0.5, seed=2).digest
    assert sampled(examples, 0.0001, seed=1).count == 1
    assert sampled(examples, 1.0, seed=1) is examples


def test_spread_covers_first_to_last(fruit_harness: TrainingHarness) -> None:
    examples = read_examples(fruit_harness.datasets, fruit_harness.version, Split.TRAIN)
    few = spread(joined(examples, examples), 5)
    assert few.count == 5
    assert few.ids[0] == examples.ids[0]
    assert few.ids[-1] == examples.ids[-1]


def test_an_unknown_label_is_inconclusive(fruit_harness: TrainingHarness) -> None:
    examples = read_examples(fruit_harness.datasets, fruit_harness.version, Split.TRAIN)
    with pytest.raises(Inconclusive, match="melon"):
        examples.truth(("apple", "pear"))


def test_all_examples_are_used_if_too_few_are_new(fruit_harness: TrainingHarness) -> None:
    rows = read_examples(fruit_harness.datasets, fruit_harness.version, Split.TRAIN)
    known = set(rows.ids[:-5].tolist())
    assert set(added_since(rows, known, 5).ids) == set(rows.ids[-5:])
    assert added_since(rows, known, 6) is rows
    assert added_since(rows, (), 6).count == rows.count


@pytest.mark.slow
def test_the_reference_of_a_model_for_changed_traffic_is_that_traffic(
    fruit_harness: TrainingHarness,
) -> None:
    harness = fruit_harness
    traffic = [
        {"weight": 5_000.0 + index, "ripeness": index / 400, "colour": "red", LABEL: label}
        for index, label in enumerate(["apple"] * 200 + ["melon"] * 200)
    ]
    version = add_rows(
        harness.datasets,
        "sample",
        pa.Table.from_pylist(traffic),
        source=traffic_source("trg_1"),
        settings=harness.project.settings.data,
        clock=ManualClock(NOON),
    )
    harness.datasets.release("sample", version.number)
    weights = {}
    for kind, trigger in ((CauseKind.DRIFT, "trg_1"), (CauseKind.MANUAL, "trg_2")):
        request = plan_runs(
            harness.project.settings,
            Overrides(),
            Cause(kind=kind, trigger=trigger),
            version,
            kind.value,
        )[0]
        outcome = harness.run(request)
        reference = decode_reference(harness.bundles.read(outcome.bundle, REFERENCE))
        weights[kind] = reference.numeric["weight"]
    assert np.nanmin(weights[CauseKind.DRIFT]) >= 5_000
    assert np.nanmin(weights[CauseKind.MANUAL]) < 2_000


def labelled(*labels: object) -> Examples:
    return Examples(pa.table({"_label": pa.array(labels)}), "sha256:")


def test_the_positive_label_of_two_comes_second() -> None:
    assert ordered_labels(("good", "bad"), "") == ("bad", "good")
    assert ordered_labels(("good", "bad"), "bad") == ("good", "bad")
    assert ordered_labels(("good", "bad"), "good") == ("bad", "good")
    assert ordered_labels(("c", "a", "b"), "a") == ("a", "b", "c")
    with pytest.raises(InvalidInput, match="positive_label is 'ugly'"):
        ordered_labels(("good", "bad"), "ugly")


def test_a_single_class_or_a_missing_label_is_refused() -> None:
    both = labelled("a", "b")
    check_labels(("a", "b"), both, "Add more.")
    with pytest.raises(InvalidInput, match=r"single class, 'a'; at least two.*Add more"):
        check_labels(("a", "b"), labelled("a", "a"), "Add more.")
    with pytest.raises(InvalidInput, match=r"no example labelled \['c'\].*Add more"):
        check_labels(("a", "b", "c"), both, "Add more.")
    with pytest.raises(InvalidInput, match="single target value, 1;"):
        check_labels((), labelled(1.0, 1.0), "Add more.")


def test_a_split_needs_rows_and_finite_targets() -> None:
    check_rows("validation", labelled("a"), ("a", "b"))
    check_rows("validation", labelled(1.0), ())
    with pytest.raises(InvalidInput, match="validation split has no rows"):
        check_rows("validation", labelled(), ("a", "b"))
    for broken in (None, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match=r"training split.*missing or infinite"):
            check_rows("training", labelled(1.0, broken), ())
