"""Two versions on the same questions, which neither of them learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retread.bundle import BundleStore, decode_image
from retread.demos.question import Question
from retread.registry import RegistryState
from retread.serving.rows import Rows
from retread.serving.runtime import Runtime, load_runtime

_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Shares of right answers to `questions` questions: `before` of version `first`, `after` of
    version `then`."""

    first: int
    then: int
    before: float
    after: float
    questions: int


def compare(
    bundles: BundleStore, state: RegistryState, first: int, questions: Sequence[Question]
) -> Comparison | None:
    """`first` and the version in production answer every question as the server would; None
    without questions, or where they are the same version."""
    then = state.production
    if then is None or first == then or not questions:
        return None
    before, after = (
        _right(load_runtime(bundles, state.version(version).bundle), questions)
        for version in (first, then)
    )
    return Comparison(first=first, then=then, before=before, after=after, questions=len(questions))


def _right(runtime: Runtime, questions: Sequence[Question]) -> float:
    right = 0
    for start in range(0, len(questions), _AT_ONCE):
        part = questions[start : start + _AT_ONCE]
        answers = [r.outputs[0] for r in runtime.score([_row(runtime, q) for q in part])]
        for question, answer in zip(part, answers, strict=True):
            right += runtime.labels[int(np.argmax(answer))] == question.truth
    return right / len(questions)


def _row(runtime: Runtime, question: Question) -> Rows:
    if isinstance(question.payload, bytes):
        size = runtime.signature.inputs[0].shape[1]
        return Rows(count=1, pixels=decode_image(question.payload, size)[None])
    return Rows(count=1, features=np.array(question.payload, dtype=np.float32).tobytes())
