"""The flowers of the iris demo: two thirds to train on, the rest as traffic."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from retread.demos.iris import HELD_OUT_FLOWERS, TRAFFIC_FLOWERS, Flowers


def test_each_flower_is_in_the_dataset_or_in_the_traffic_once_or_held_out(tmp_path: Path) -> None:
    flowers = Flowers(seed=3)
    flowers.write_dataset(tmp_path)
    with (tmp_path / "iris.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    baseline = list(flowers.baseline())
    assert len(rows) == 1 + 150 - TRAFFIC_FLOWERS
    assert len(baseline) == TRAFFIC_FLOWERS - HELD_OUT_FLOWERS
    assert rows[0][-1] == "species"


def test_models_are_compared_on_flowers_they_were_not_trained_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("retread.demos.iris.mismeasured", lambda _, numbers: numbers)
    # Some flowers of the data have equal measures; seed 3 has none of them on both sides.
    flowers = Flowers(seed=3)
    baseline = {sample.payload for sample in flowers.baseline()}
    drifted = {sample.payload for sample in islice(flowers.drifted(), 500)}
    held_out = {sample.payload for sample in islice(flowers.held_out(), 500)}
    assert drifted == baseline
    assert HELD_OUT_FLOWERS - 2 <= len(held_out) <= HELD_OUT_FLOWERS
    assert held_out.isdisjoint(drifted)


def test_only_petals_are_mismeasured(tmp_path: Path) -> None:
    flowers = Flowers(seed=3)
    before = np.array([s.payload for s in flowers.baseline()]).mean(axis=0)
    after = np.array([s.payload for s in islice(flowers.drifted(), 400)]).mean(axis=0)
    assert np.all(np.abs(after - before)[:2] < 0.2)
    assert np.all((after - before)[2:] > 0.9)
