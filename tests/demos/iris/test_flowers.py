"""Real flowers: two thirds to learn from, the rest once as traffic."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from retread.demos.iris.flowers import HELD_BACK, LATER, Flowers


def test_every_flower_is_laid_out_or_comes_once_or_waits(tmp_path: Path) -> None:
    flowers = Flowers(seed=3)
    flowers.lay_out(tmp_path)
    with (tmp_path / "iris.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    quiet = list(flowers.quiet())
    assert len(rows) == 1 + 150 - HELD_BACK
    assert len(quiet) == HELD_BACK - LATER
    assert rows[0][-1] == "species"


def test_a_new_model_is_judged_by_flowers_it_cannot_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retread.demos.iris.flowers.wrongly_measured", lambda _, numbers: numbers)
    # Some flowers of the data have equal measures; seed 3 has none of them on both sides.
    flowers = Flowers(seed=3)
    quiet = {question.payload for question in flowers.quiet()}
    drifted = {question.payload for question in islice(flowers.drifted(), 500)}
    fresh = {question.payload for question in islice(flowers.fresh(), 500)}
    assert drifted == quiet
    assert LATER - 2 <= len(fresh) <= LATER
    assert fresh.isdisjoint(drifted)


def test_the_ruler_adds_to_petals_only(tmp_path: Path) -> None:
    flowers = Flowers(seed=3)
    before = np.array([q.payload for q in flowers.quiet()]).mean(axis=0)
    after = np.array([q.payload for q in islice(flowers.drifted(), 400)]).mean(axis=0)
    assert np.all(np.abs(after - before)[:2] < 0.2)
    assert np.all((after - before)[2:] > 0.9)
