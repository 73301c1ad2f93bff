"""The tires demo is sized to the machine, and says so."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.core import SystemClock
from retread.demos.reporter import PlainRenderer, Reporter
from retread.demos.tires import demo
from retread.demos.tires.sizing import (
    FIRST_MODEL_S,
    FULL,
    SIZES,
    SMALLEST,
    WHOLE_DEMO_S,
    choose_size,
    estimate,
    explain_choice,
    measure_photo_s,
)


@given(st.floats(1e-5, 1.0))
def test_u19_the_chosen_size_is_the_largest_that_is_short_enough(photo_s: float) -> None:
    chosen = choose_size(photo_s)
    for size in SIZES[: SIZES.index(chosen)]:
        assert not estimate(size, photo_s).is_short
    if chosen is not SMALLEST:
        assert estimate(chosen, photo_s).first_model_s <= FIRST_MODEL_S
        assert estimate(chosen, photo_s).whole_s <= WHOLE_DEMO_S


def test_sizes_are_ordered_by_the_time_they_take() -> None:
    for larger, smaller in pairwise(SIZES):
        assert estimate(larger, 0.01).first_model_s > estimate(smaller, 0.01).first_model_s
        assert estimate(larger, 0.01).whole_s > estimate(smaller, 0.01).whole_s


def test_the_choice_is_explained_with_the_way_to_the_full_size() -> None:
    text = explain_choice(SMALLEST, 0.02)
    assert "320 photos, 48 pixels, 8 epochs" in text
    assert "20 ms per photo" in text
    assert "--full: 1,000 photos, 64 pixels, 14 epochs" in text
    assert explain_choice(FULL, 0.001).endswith("This is the full size.")


def test_drawing_a_photo_takes_a_measurable_time() -> None:
    assert 0 < measure_photo_s() < 10


@pytest.mark.parametrize(("full", "photo_s"), [(True, 1.0), (False, 1.0), (False, 1e-4)])
def test_the_full_size_runs_on_request_and_on_fast_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool, photo_s: float
) -> None:
    sizes: list[Any] = []
    monkeypatch.setattr(demo, "run_drawn", lambda *arguments: sizes.append(arguments[-1]))
    monkeypatch.setattr(demo, "measure_photo_s", lambda: photo_s)
    reporter = Reporter(SystemClock(), PlainRenderer(io.StringIO(), SystemClock()))
    demo.run(tmp_path, None, 0, reporter, full=full)
    assert sizes == [SMALLEST if photo_s == 1.0 and not full else FULL]
    assert [entry.text[:5] for entry in reporter.entries] == ([] if full else ["Size:"])
