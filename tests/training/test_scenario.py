"""The runs of a scenario, trained in parallel."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from retread.bundle import Cause
from retread.core import InvalidInput, RetreadError, Unavailable
from retread.training import EpochCallback, TrainingOutcome, TrainingRequest, train_scenario


def request(model_type: str) -> TrainingRequest:
    return TrainingRequest(
        key=f"k/{model_type}",
        dataset="it",
        dataset_version=1,
        model_type=model_type,
        optimizer_type="adam",
        epochs=1,
        learning_rate=0.1,
        batch_size=2,
        sample=1.0,
        seed=0,
        cause=Cause(),
    )


@dataclass
class BarrierCompute:
    """A Compute whose runs end only when `size` of them run at the same time."""

    size: int
    broken: tuple[str, ...] = ()
    interrupted: str = ""
    cancelled: bool = False
    barrier: threading.Barrier = field(init=False)

    def __post_init__(self) -> None:
        self.barrier = threading.Barrier(self.size)

    def train(self, request: TrainingRequest, on_epoch: EpochCallback) -> TrainingOutcome:
        self.barrier.wait(10)
        if request.model_type in self.broken:
            raise InvalidInput(f"{request.model_type} is broken.")
        if request.model_type == self.interrupted:
            raise KeyboardInterrupt
        return TrainingOutcome(
            key=request.key,
            run_id=request.model_type,
            model_type=request.model_type,
            metrics={},
            epochs=1,
            seconds=0.0,
            bundle="",
            reason="",
        )

    def finish_early(self) -> bool:
        raise AssertionError("a scenario does not end its runs early by itself")

    def cancel(self) -> None:
        self.cancelled = True


THREE = [request(name) for name in ("forest", "boosting", "cnn")]


def test_runs_are_parallel_and_outcomes_in_order() -> None:
    outcomes = train_scenario(BarrierCompute(3), THREE, 3, lambda _: None)
    assert [outcome.run_id for outcome in outcomes] == ["forest", "boosting", "cnn"]


@pytest.mark.slow
def test_no_more_runs_than_requested_are_parallel() -> None:
    with pytest.raises(threading.BrokenBarrierError):
        train_scenario(BarrierCompute(3), THREE, 2, lambda _: None)


def test_an_error_that_stops_one_run_does_not_stop_the_others() -> None:
    outcomes = train_scenario(BarrierCompute(1, broken=("boosting",)), THREE, 1, lambda _: None)
    assert [outcome.run_id for outcome in outcomes] == ["forest", "", "cnn"]
    assert (outcomes[1].bundle, outcomes[1].reason) == ("", "boosting is broken.")


def test_a_scenario_whose_runs_were_all_stopped_raises() -> None:
    broken = BarrierCompute(1, broken=("forest", "boosting", "cnn"))
    with pytest.raises(RetreadError, match="forest is broken"):
        train_scenario(broken, THREE, 1, lambda _: None)


@dataclass
class FlakyCompute(BarrierCompute):
    """A Compute whose runs of the model types `dies` die the first time."""

    dies: tuple[str, ...] = ()
    tries: list[str] = field(default_factory=list)

    def train(self, request: TrainingRequest, on_epoch: EpochCallback) -> TrainingOutcome:
        self.tries.append(request.model_type)
        if self.tries.count(request.model_type) == 1 and request.model_type in self.dies:
            raise Unavailable("The training process was killed by signal 9.")
        return super().train(request, on_epoch)


@pytest.mark.slow
def test_a_process_that_died_is_tried_once_more() -> None:
    compute = FlakyCompute(1, dies=("boosting",))
    outcomes = train_scenario(compute, THREE, 1, lambda _: None)
    assert [outcome.run_id for outcome in outcomes] == ["forest", "boosting", "cnn"]
    assert compute.tries == ["forest", "boosting", "cnn", "boosting"]
    with pytest.raises(Unavailable):
        train_scenario(FlakyCompute(1, dies=("forest",)), THREE[:1], 1, lambda _: None)


def test_an_interruption_cancels_all_runs() -> None:
    compute = BarrierCompute(3, interrupted="boosting")
    with pytest.raises(KeyboardInterrupt):
        train_scenario(compute, THREE, 3, lambda _: None)
    assert compute.cancelled
