"""The runs of one scenario, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from retread.core import RetreadError, Unavailable
from retread.training.compute.process import Compute
from retread.training.progress import Report
from retread.training.request import TrainingOutcome, TrainingRequest


def train_scenario(
    compute: Compute, requests: Sequence[TrainingRequest], at_once: int, on_line: Report
) -> tuple[TrainingOutcome, ...]:
    """The outcome of each run, in order; `at_once` is how many are trained at the same time.

    What stops one run does not stop the others: its outcome has no bundle and says why. A process
    that died is tried once more, alone: side by side, two may have wanted too much memory. When
    every run was stopped, what stopped the first is raised.
    """

    def train(request: TrainingRequest) -> TrainingOutcome | RetreadError:
        try:
            return compute.train(request, on_line)
        except RetreadError as error:
            return error

    with ThreadPoolExecutor(max_workers=min(at_once, len(requests))) as pool:
        try:
            ends = list(pool.map(train, requests))
            for place, request in enumerate(requests if len(requests) > 1 else ()):
                if isinstance(ends[place], Unavailable):
                    ends[place] = train(request)
        except BaseException:
            compute.cancel()
            raise
    errors = [end for end in ends if isinstance(end, RetreadError)]
    if len(errors) == len(ends):
        raise errors[0]
    return tuple(
        _stopped(request, end) if isinstance(end, RetreadError) else end
        for request, end in zip(requests, ends, strict=True)
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
