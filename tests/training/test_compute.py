"""Trainings in child processes, killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from retread.core import Conflict, InvalidInput, RetreadError, Unavailable
from retread.training import EpochFinished, ProcessCompute
from retread.training.order import OUTCOME, folder_of
from retread.training.tracking import MlflowRuns

from .conftest import Bench, MakeBench, Rows, fruit

PARENT = """
import sys
from pathlib import Path
import msgspec
from retread.project import Project, parse_settings
from retread.training import ProcessCompute, TrainingRequest

root, request, settings = sys.argv[1:]
project = Project(
    root=Path(root),
    home=Path(root) / ".retread",
    settings=parse_settings(msgspec.json.decode(settings), source="test"),
)
ProcessCompute(project).train(msgspec.json.decode(request, type=TrainingRequest), lambda _: None)
"""


def workers(bench: Bench, key: str) -> list[psutil.Process]:
    """The training processes of a key that are alive."""
    folder = str(folder_of(bench.project, key))
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if folder in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_run_in_a_child_process(fruit_bench: Bench) -> None:
    compute, seen = ProcessCompute(fruit_bench.project), list[EpochFinished]()
    request = fruit_bench.request(model_type="gradient_boosting", epochs=2)
    outcome = compute.train(request, seen.append)
    assert [epoch.epoch for epoch in seen] == [1, 2]
    assert fruit_bench.bundles.digests() == (outcome.bundle,)
    run = MlflowRuns(fruit_bench.project).run(outcome.run_id)
    assert (run.status, run.bundle) == ("FINISHED", outcome.bundle)
    required = {
        "model_name",
        "model_type",
        "model_version",
        "dataset_version",
        "epochs",
        "sample",
        "seed",
        "early_stopping_min_loss",
        "early_stopping_min_accuracy",
    }
    assert required <= set(run.parameters)
    assert not {"learning_rate", "batch_size", "optimizer_type"} & set(run.parameters)
    seen.clear()
    assert compute.train(request, seen.append) == outcome
    assert seen == []
    with pytest.raises(Conflict, match="another training request"):
        compute.train(fruit_bench.request(epochs=9), seen.append)


@pytest.mark.slow
def test_what_stops_a_run_is_raised_here(
    make_bench: MakeBench, table: Callable[[Rows], Path]
) -> None:
    bench = make_bench(
        table(fruit()),
        "kind",
        recipe={"kind": "tabular-classification", "positive_label": "pear"},
        training={"model_type": "random_forest"},
    )
    with pytest.raises(InvalidInput, match="positive_label is 'pear'"):
        ProcessCompute(bench.project).train(bench.request(), lambda _: None)
    assert MlflowRuns(bench.project).latest() == ()
    assert bench.bundles.digests() == ()


@pytest.mark.slow
def test_kill_the_worker_anywhere_then_once_more(fruit_bench: Bench) -> None:
    compute, chance = ProcessCompute(fruit_bench.project), random.Random(7)
    undisturbed = fruit_bench.request("other", model_type="gradient_boosting", epochs=3)
    started = time.monotonic()
    expected = compute.train(undisturbed, lambda _: None)
    duration = time.monotonic() - started
    request = fruit_bench.request(model_type="gradient_boosting", epochs=3)
    killed = 0
    # The first half of the time goes into imports.
    for moment in (0.2, *(chance.uniform(0.4, 1.0) for _ in range(4))):
        done = threading.Event()

        def kill(after: float = moment * duration, done: threading.Event = done) -> None:
            wait_for(lambda: workers(fruit_bench, request.key) or done.is_set())
            done.wait(after)
            for process in workers(fruit_bench, request.key):
                process.send_signal(signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            compute.train(request, lambda _: None)
        except Unavailable as error:
            killed += "signal 9" in str(error)
        finally:
            done.set()
            killer.join()
    assert killed, "no kill hit the worker"
    outcome = compute.train(request, lambda _: None)
    assert outcome.metrics == expected.metrics
    # A kill between bundle and outcome leaves an equal bundle, so there is one either way.
    assert set(fruit_bench.bundles.digests()) == {outcome.bundle, expected.bundle}
    runs = MlflowRuns(fruit_bench.project)
    assert [run.run_id for run in runs.latest() if run.key == request.key] == [outcome.run_id]
    assert [step for step, _ in runs.history(outcome.run_id)["Loss"]] == [1, 2, 3]


@pytest.mark.slow
def test_a_run_that_is_cancelled_is_recorded_as_killed(
    make_bench: MakeBench, table: Callable[[Rows], Path]
) -> None:
    bench = make_bench(
        table(fruit()),
        "kind",
        recipe={"kind": "tabular-classification"},
        training={"model_type": "gradient_boosting", "epochs": 500},
        early_stopping={"patience": 500},
    )
    compute, request = ProcessCompute(bench.project), bench.request()
    raised = list[Exception]()

    def train() -> None:
        try:
            compute.train(request, lambda _: begun.set())
        except Unavailable as error:
            raised.append(error)

    begun = threading.Event()
    waiting = threading.Thread(target=train)
    waiting.start()
    assert begun.wait(60)
    compute.cancel()
    waiting.join(20)
    assert raised
    assert [run.status for run in MlflowRuns(bench.project).latest()] == ["KILLED"]


BROKEN = '''"""A model type with a mistake in it."""


def build(regression: bool, seed: int, threads: int) -> None:
    return {}["nothing"]
'''


@pytest.mark.slow
def test_what_nobody_foresaw_is_told_and_not_tried_again(fruit_bench: Bench) -> None:
    fruit_bench.project.root.mkdir(exist_ok=True)
    (fruit_bench.project.root / "broken_model.py").write_text(BROKEN, "utf-8")
    request = fruit_bench.request(model_type="broken_model:build")
    with pytest.raises(RetreadError, match=r"KeyError: 'nothing'.*training-.*log") as raised:
        ProcessCompute(fruit_bench.project).train(request, lambda _: None)
    assert not isinstance(raised.value, Unavailable)


@pytest.mark.slow
def test_a_worker_dies_with_its_parent(fruit_bench: Bench) -> None:
    bench, request = fruit_bench, fruit_bench.request()
    settings = bench.project.settings.model_dump_json()
    arguments = [str(bench.project.root), msgspec.json.encode(request).decode(), settings]
    with subprocess.Popen([sys.executable, "-c", PARENT, *arguments]) as parent:
        wait_for(lambda: workers(bench, request.key))
        os.kill(parent.pid, signal.SIGKILL)
    wait_for(lambda: not workers(bench, request.key), seconds=10)
    assert bench.bundles.digests() == ()
    assert not (folder_of(bench.project, request.key) / OUTCOME).exists()
