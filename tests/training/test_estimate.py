"""What a training will take is known before it starts, and refused where it does not fit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from retread.core import Refused
from retread.training import Overrides, estimate_of, plan_runs
from retread.training.estimate import (
    Estimate,
    TableSize,
    check_memory,
    estimate_photos,
    estimate_table,
)
from retread.training.job import TrainingJob, job_folder, read_outcome, submit_job

from .conftest import NOON, MakeHarness, Rows, fruit

TYPES = ["random_forest", "gradient_boosting"]

PEAK_OF_WORKER = """
import resource, subprocess, sys
worker = [sys.executable, "-m", "retread.training.worker", sys.argv[1]]
subprocess.run(worker, stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def table_of(**changes: Any) -> TableSize:
    size = TableSize(train=10_000, held_out=5_000, numeric=10, categories=(4, 30), classes=3)
    return replace(size, **changes)


@pytest.mark.parametrize("model_type", TYPES)
@pytest.mark.parametrize(
    "more",
    [
        {"train": 1_000_000},
        {"held_out": 1_000_000},
        {"numeric": 500},
        {"categories": (4, 30, 50_000)},
        {"classes": 300},
    ],
    ids=str,
)
def test_a_larger_table_takes_more(model_type: str, more: dict[str, Any]) -> None:
    small = estimate_table(table_of(), model_type, 10, 2)
    large = estimate_table(table_of(**more), model_type, 10, 2)
    assert large.memory > small.memory
    assert small.seconds is not None
    assert large.seconds is not None
    assert large.seconds >= small.seconds


def test_e22_the_cap_on_categories_bounds_a_table() -> None:
    codes = table_of(train=650_000, held_out=350_000, categories=(57_714,))
    assert codes.width == 10 + 65
    for model_type in TYPES:
        assert estimate_table(codes, model_type, 10, 2).memory < 2.7e9


def test_d8_a_forest_of_many_classes_stays_within_two_gigabytes() -> None:
    for classes in (300, 1000):
        size = table_of(train=6_000, held_out=3_000, categories=(), classes=classes)
        assert estimate_table(size, "random_forest", 1, 2).memory < 2e9


def test_size_what_does_not_fit_is_refused_with_its_numbers() -> None:
    forest = estimate_table(table_of(train=10_000_000), "random_forest", 1, 2)
    with pytest.raises(Refused) as raised:
        check_memory([("random_forest", forest)], 1, forest.memory // 2)
    message = raised.value.message
    assert message.startswith("random_forest on 10,000,000 rows x 12 columns")
    assert f"about {forest.memory / 1e9:.1f} GB of memory" in message
    assert f"{forest.memory / 2e9:.1f} GB are free" in message
    assert "--sample 0.4)" in raised.value.hint
    check_memory([("random_forest", forest)], 1, forest.memory)


def test_size_runs_side_by_side_share_the_memory() -> None:
    one = Estimate(size="9 rows", memory=10**9)
    three = [("a", one), ("b", one), ("c", one)]
    check_memory(three, 2, 2 * 10**9)
    with pytest.raises(Refused, match=r"With the runs beside it, 3\.0 GB\. 2\.0 GB are free"):
        check_memory(three, 3, 2 * 10**9)


def test_size_photos_take_what_their_pixels_take() -> None:
    assert estimate_photos(16_000, 256).memory > 16_000 * 256 * 256 * 3
    assert estimate_photos(100, 64).seconds is None


def test_size_a_run_that_does_not_fit_starts_nothing(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    harness = make_harness(
        table(fruit()),
        "kind",
        recipe={"kind": "tabular-classification"},
        training={"model_type": "gradient_boosting", "max_memory_gb": 0.1, "epochs": 1},
        early_stopping={"min_loss": 10.0},
    )
    request = harness.request()
    with pytest.raises(Refused, match=r"0\.1 GB are free.*max_memory_gb"):
        harness.run(request)
    assert harness.tracking.keys == {}
    assert harness.run(msgspec.structs.replace(request, any_size=True)).bundle


@pytest.mark.slow
@pytest.mark.parametrize("model_type", TYPES)
def test_size_the_estimate_is_near_a_measured_run(
    make_harness: MakeHarness, table: Callable[[Rows], Path], model_type: str
) -> None:
    random = np.random.default_rng(0)
    rows: Rows = [
        {
            **{f"x{i}": f"{value:.4f}" for i, value in enumerate(random.normal(size=10))},
            "code": f"P{random.integers(3000)}",
            "kind": str(random.integers(6)) + "k",
        }
        for _ in range(20_000)
    ]
    harness = make_harness(table(rows), "kind", recipe={"kind": "tabular-classification"})
    (request,) = plan_runs(
        harness.project.settings,
        Overrides(model_type=model_type, epochs=2),
        harness.request(model_type=model_type).cause,
        harness.version,
        "measured",
    )
    folder = job_folder(harness.project, request.key)
    settings = harness.project.settings.model_dump(mode="json")
    root, home = str(harness.project.root), str(harness.project.home)
    job = TrainingJob(request=request, created_at=NOON, root=root, home=home, settings=settings)
    submit_job(folder, job)
    # A child's peak starts at that of its parent at the fork: the parent has to be a small one.
    command = [sys.executable, "-c", PEAK_OF_WORKER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        peak = int(parent.stdout.read()) * 1024
    assert parent.returncode == 0
    assert read_outcome(folder) is not None
    estimate = estimate_of(harness.project.settings, request, harness.version, threads=1)
    assert 0.5 < estimate.memory / peak < 2.0
