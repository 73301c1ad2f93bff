"""Real flowers: two thirds to learn from, the rest once as traffic."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

import numpy as np

from retread.demos.iris.flowers import HELD_BACK, Flowers


def test_every_flower_is_either_laid_out_or_comes_once(tmp_path: Path) -> None:
    flowers = Flowers(seed=3)
    flowers.lay_out(tmp_path)
    with (tmp_path / "iris.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    quiet = list(flowers.quiet())
    assert len(rows) == 1 + 150 - HELD_BACK
    assert len(quiet) == HELD_BACK
    assert rows[0][-1] == "species"


def test_the_ruler_adds_to_petals_only(tmp_path: Path) -> None:
    flowers = Flowers(seed=3)
    before = np.array([q.payload for q in flowers.quiet()]).mean(axis=0)
    after = np.array([q.payload for q in islice(flowers.drifted(), 400)]).mean(axis=0)
    assert np.all(np.abs(after - before)[:2] < 0.2)
    assert np.all((after - before)[2:] > 0.9)
