"""Training in child processes that are killed at any moment."""

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
from retread.training.job import OUTCOME, job_folder
from retread.training.tracking import MlflowRuns

from .conftest import MakeHarness, Rows, TrainingHarness, fruit

PARENT = """
import sys
from pathlib import Path
import msgspec
from retread.project import LoadedProject, parse_settings
from retread.training import ProcessCompute, TrainingRequest

root, request, settings = sys.argv[1:]
project = LoadedProject(
    root=Path(root),
    home=Path(root) / ".retread",
    settings=parse_settings(msgspec.json.decode(settings), source="test"),
)
ProcessCompute(project).train(msgspec.json.decode(request, type=TrainingRequest), lambda _: None)
"""


def workers(harness: TrainingHarness, key: str) -> list[psutil.Process]:
    """Return the running training processes of a key."""
    folder = str(job_folder(harness.project, key))
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if folder in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not become true in time"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_run_in_a_child_process(fruit_harness: TrainingHarness) -> None:
    compute, seen = ProcessCompute(fruit_harness.project), list[EpochFinished]()
    request = fruit_harness.request(model_type="gradient_boosting", epochs=2)
    outcome = compute.train(request, seen.append)
    assert [epoch.epoch for epoch in seen] == [1, 2]
    assert fruit_harness.bundles.digests() == (outcome.bundle,)
    run = MlflowRuns(fruit_harness.project).run(outcome.run_id)
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
        compute.train(fruit_harness.request(epochs=9), seen.append)


@pytest.mark.slow
def test_the_error_that_stops_a_run_is_raised_in_the_parent(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    harness = make_harness(
        table(fruit()),
        "kind",
        recipe={"kind": "tabular-classification", "positive_label": "pear"},
        training={"model_type": "random_forest"},
    )
    with pytest.raises(InvalidInput, match="positive_label is 'pear'"):
        ProcessCompute(harness.project).train(harness.request(), lambda _: None)
    assert MlflowRuns(harness.project).latest() == ()
    assert harness.bundles.digests() == ()


@pytest.mark.slow
def test_a_worker_killed_at_any_moment_can_be_run_again(fruit_harness: TrainingHarness) -> None:
    compute, chance = ProcessCompute(fruit_harness.project), random.Random(7)
    uninterrupted = fruit_harness.request("other", model_type="gradient_boosting", epochs=3)
    started = time.monotonic()
    expected = compute.train(uninterrupted, lambda _: None)
    duration = time.monotonic() - started
    request = fruit_harness.request(model_type="gradient_boosting", epochs=3)
    killed = 0
    # The first half of the time is spent on imports.
    for moment in (0.2, *(chance.uniform(0.4, 1.0) for _ in range(4))):
        done = threading.Event()

        def kill(after: float = moment * duration, done: threading.Event = done) -> None:
            wait_for(lambda: workers(fruit_harness, request.key) or done.is_set())
            done.wait(after)
            for process in workers(fruit_harness, request.key):
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
    # A kill after the bundle is stored leaves an equal bundle, so there is one either way.
    assert set(fruit_harness.bundles.digests()) == {outcome.bundle, expected.bundle}
    runs = MlflowRuns(fruit_harness.project)
    assert [run.run_id for run in runs.latest() if run.key == request.key] == [outcome.run_id]
    assert [step for step, _ in runs.history(outcome.run_id)["Loss"]] == [1, 2, 3]


@pytest.mark.slow
def test_a_cancelled_run_is_recorded_as_killed(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    harness = make_harness(
        table(fruit()),
        "kind",
        recipe={"kind": "tabular-classification"},
        training={"model_type": "gradient_boosting", "epochs": 500},
        early_stopping={"patience": 500},
    )
    compute, request = ProcessCompute(harness.project), harness.request()
    raised = list[Exception]()

    def train() -> None:
        try:
            compute.train(request, lambda _: started.set())
        except Unavailable as error:
            raised.append(error)

    started = threading.Event()
    waiting = threading.Thread(target=train)
    waiting.start()
    assert started.wait(60)
    compute.cancel()
    waiting.join(20)
    assert raised
    assert [run.status for run in MlflowRuns(harness.project).latest()] == ["KILLED"]


BROKEN = '''"""A model type with a mistake in it."""


def build(regression: bool, seed: int, threads: int) -> None:
    {mistake}
'''


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "reported"),
    [
        ("raise KeyError('nothing')", "KeyError: 'nothing'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import nothing_of_the_kind", "ModuleNotFoundError: No module named 'nothing_of"),
    ],
)
def test_an_unexpected_error_is_reported_and_not_retried(
    fruit_harness: TrainingHarness, mistake: str, reported: str
) -> None:
    fruit_harness.project.root.mkdir(exist_ok=True)
    code = BROKEN.format(mistake=mistake)
    (fruit_harness.project.root / "broken_model.py").write_text(code, "utf-8")
    request = fruit_harness.request(model_type="broken_model:build")
    told = rf"'broken_model:build' failed: {reported}.*The traceback is in .*training-.*log"
    with pytest.raises(RetreadError, match=told) as raised:
        ProcessCompute(fruit_harness.project).train(request, lambda _: None)
    assert not isinstance(raised.value, Unavailable)
    log = Path(str(raised.value).rpartition("The traceback is in ")[2].removesuffix("."))
    assert 'broken_model.py", line 5, in build' in log.read_text("utf-8")


@pytest.mark.slow
def test_a_worker_ends_with_its_parent(fruit_harness: TrainingHarness) -> None:
    harness, request = fruit_harness, fruit_harness.request()
    settings = harness.project.settings.model_dump_json()
    arguments = [str(harness.project.root), msgspec.json.encode(request).decode(), settings]
    with subprocess.Popen([sys.executable, "-c", PARENT, *arguments]) as parent:
        wait_for(lambda: workers(harness, request.key))
        os.kill(parent.pid, signal.SIGKILL)
    wait_for(lambda: not workers(harness, request.key), seconds=10)
    assert harness.bundles.digests() == ()
    assert not (job_folder(harness.project, request.key) / OUTCOME).exists()


DYING = """
import os
import signal
import sys

from sklearn.tree import DecisionTreeClassifier


class Dying(DecisionTreeClassifier):
    def fit(self, features, target):
        print("half of the leaves are grown", file=sys.stderr, flush=True)
        {how}


def build(regression, seed, threads):
    return Dying()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "reported"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9 (SIGKILL), as the system does when mem"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by signal 11 (SIGSEGV)"),
        ("os._exit(7)", "exited with status 7"),
        ("raise MemoryError('Unable to allocate 264. GiB')", "ran out of memory: Unable to all"),
    ],
)
@pytest.mark.parametrize("log_is_there", [True, False])
def test_d8_a_training_that_dies_says_why(
    fruit_harness: TrainingHarness, how: str, reported: str, log_is_there: bool
) -> None:
    if not log_is_there:
        how = f"import pathlib; [p.unlink() for p in pathlib.Path(LOGS).iterdir()]; {how}"
    code = f"LOGS = {str(fruit_harness.project.logs)!r}\n" + DYING.format(how=how)
    (fruit_harness.project.root / "dying_model.py").write_text(code, "utf-8")
    request = fruit_harness.request(model_type="dying_model:build")
    with pytest.raises(RetreadError) as raised:
        ProcessCompute(fruit_harness.project).train(request, lambda _: None)
    assert reported in raised.value.message
    assert "No such file" not in str(raised.value)
    if log_is_there and isinstance(raised.value, Unavailable):
        assert "half of the leaves are grown" in raised.value.message


MANY_ROUNDS = """
from sklearn.ensemble import GradientBoostingClassifier

from retread.training import TabularModel


def build(regression, seed, threads):
    booster = GradientBoostingClassifier(max_depth=1, random_state=seed)
    return TabularModel(booster, rounds="n_estimators")
"""


@pytest.mark.slow
def test_u7_ending_early_keeps_the_best_epoch(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    harness = make_harness(
        table(fruit()),
        "kind",
        recipe={"kind": "tabular-classification"},
        early_stopping={"patience": 10_000, "min_loss": 10.0},
    )
    (harness.project.root / "many_rounds.py").write_text(MANY_ROUNDS, "utf-8")
    compute = ProcessCompute(harness.project)
    request = harness.request(model_type="many_rounds:build", epochs=300)
    found = list[bool]()

    def end(_: EpochFinished) -> None:
        if not found:
            found.append(compute.finish_early())

    outcome = compute.train(request, end)
    assert found == [True]
    assert outcome.bundle in harness.bundles.digests()
    assert outcome.epochs < 300
    (note,) = outcome.notes
    assert note.startswith(f"Stopped on request after epoch {outcome.epochs} of 300")
    run = MlflowRuns(harness.project).run(outcome.run_id)
    assert (run.status, run.bundle) == ("FINISHED", outcome.bundle)


@pytest.mark.slow
def test_u7_ending_before_the_first_epoch_says_that_nothing_is_kept(
    fruit_harness: TrainingHarness,
) -> None:
    compute, request = ProcessCompute(fruit_harness.project), fruit_harness.request()
    found = list[bool]()

    def end() -> None:
        wait_for(lambda: workers(fruit_harness, request.key))
        found.append(compute.finish_early())

    ending = threading.Thread(target=end)
    ending.start()
    with pytest.raises(Unavailable, match=r"before its first epoch.*retread train"):
        compute.train(request, lambda _: None)
    ending.join()
    assert found == [False]
    with pytest.raises(Unavailable, match="before its first epoch"):
        compute.train(fruit_harness.request("another"), lambda _: None)
    assert fruit_harness.bundles.digests() == ()
