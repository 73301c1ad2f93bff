"""The runs of a scenario, trained in parallel, and the port to where they are trained."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from retread.core import RetreadError, Unavailable
from retread.training.request import EpochCallback, TrainingOutcome, TrainingRequest


class Compute(Protocol):
    """Where runs are trained. A request is trained once, however often it is submitted."""

    def train(self, request: TrainingRequest, on_epoch: EpochCallback) -> TrainingOutcome:
        """Train a request and return its outcome.

        Args:
            on_epoch: Called after each epoch.

        Raises:
            RetreadError: The error that stopped the run.
        """
        ...

    def finish_early(self) -> bool:
        """End all runs: those with a finished epoch keep their best, all others raise Unavailable.

        Returns:
            Whether any run keeps an epoch.
        """
        ...

    def cancel(self) -> None:
        """Stop all active runs; each `train` then raises Unavailable."""
        ...


def train_scenario(
    compute: Compute,
    requests: Sequence[TrainingRequest],
    parallel_runs: int,
    on_epoch: EpochCallback,
) -> tuple[TrainingOutcome, ...]:
    """Train the runs of a scenario.

    An error that stops one run does not stop the others: the outcome of that run has no bundle,
    and the error as its reason. A run whose process died is tried once more, alone, because
    several in parallel may have run out of memory.

    Args:
        parallel_runs: Maximum number of runs at the same time.
        on_epoch: Called after each epoch of each run.

    Returns:
        The outcomes, in the order of the requests.

    Raises:
        RetreadError: All runs were stopped; the error of the first.
    """

    def train(request: TrainingRequest) -> TrainingOutcome | RetreadError:
        try:
            return compute.train(request, on_epoch)
        except RetreadError as error:
            return error

    with ThreadPoolExecutor(max_workers=min(parallel_runs, len(requests))) as pool:
        try:
            results = list(pool.map(train, requests))
            for index, request in enumerate(requests if len(requests) > 1 else ()):
                if isinstance(results[index], Unavailable):
                    results[index] = train(request)
        except BaseException:
            compute.cancel()
            raise
    errors = [result for result in results if isinstance(result, RetreadError)]
    if len(errors) == len(results):
        raise errors[0]
    return tuple(
        _stopped(request, result) if isinstance(result, RetreadError) else result
        for request, result in zip(requests, results, strict=True)
    )


def _stopped(request: TrainingRequest, error: RetreadError) -> TrainingOutcome:
    return TrainingOutcome(
        key=request.key,
        run_id="",
        model_type=request.model_type,
        metrics={},
        epochs=0,
        seconds=0.0,
        bundle="",
        reason=str(error),
    )
