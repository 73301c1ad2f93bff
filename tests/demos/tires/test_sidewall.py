"""Drawn tires: reproducible, readable, and not separable by simple statistics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from retread.bundle import decode_image, image_statistics
from retread.demos.tires.camera import BOARD, DUSK, PHONE
from retread.demos.tires.cracks import branching, carve, crazing, weathering
from retread.demos.tires.sidewall import SIZE, Conditions, render

FIRST = Conditions()


def statistics(
    count: int, seed: int, conditions: Conditions = FIRST
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    rows = []
    for label in truth:
        content = render(rng, defective=bool(label), conditions=conditions)
        rows.append(list(image_statistics(decode_image(content, 64)).values()))
    return np.array(rows), truth


def test_equal_generators_draw_equal_photos() -> None:
    first, second, other = (
        render(np.random.default_rng(seed), defective=True, conditions=FIRST) for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other
    assert decode_image(first, SIZE).shape == (SIZE, SIZE, 3)


@pytest.mark.slow
def test_light_color_and_focus_do_not_reveal_cracks() -> None:
    train, truth = statistics(300, seed=0)
    held_out, held_out_truth = statistics(200, seed=1)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(train, truth)
    assert model.score(held_out, held_out_truth) < 0.7


@pytest.mark.slow
def test_the_changed_conditions_show_in_the_pictures() -> None:
    names = ("brightness", "contrast", "saturation", "sharpness", "red", "green", "blue")
    means = {
        camera: dict(
            zip(names, statistics(60, 3, Conditions(camera=camera))[0].mean(axis=0), strict=True)
        )
        for camera in (PHONE, DUSK, BOARD)
    }
    assert means[DUSK]["brightness"] < 0.75 * means[PHONE]["brightness"]
    assert means[DUSK]["red"] > means[DUSK]["blue"]
    assert means[BOARD]["blue"] > means[BOARD]["red"]
    assert means[BOARD]["sharpness"] < 0.8 * means[PHONE]["sharpness"]


def test_every_style_of_cracks_covers_some_of_the_tire() -> None:
    for style in (branching, weathering, crazing):
        for seed in range(20):
            depth = carve(np.random.default_rng(seed), SIZE, style)
            assert depth.max() > 0.1
            assert (depth > 0.1).mean() < 0.35
