"""Scoring calls together and sharing the answers out; runs on the event loop or in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from retread.bundle import decode_image, image_statistics
from retread.core import InvalidInput, RetreadError
from retread.serving.call import Call, Outcome
from retread.serving.pixels import check_pixels
from retread.serving.rows import Rows
from retread.serving.runtime import Scores, is_finite
from retread.serving.slots import SlotEntry

INLINE_ROWS = 256
"""More rows than this are too long for the event loop, however fast the model is."""

NOT_FINITE = "the answer is not finite"

Settled = Outcome | RetreadError
"""What became of one call: an answer (perhaps with its error), or why it cannot be asked."""


def is_short(call: Call) -> bool:
    """Whether a light model may score `call` on the event loop."""
    return call.rows is not None and call.rows.count <= INLINE_ROWS and call.rows.pixels is None


def score_calls(entry: SlotEntry, calls: Sequence[Call]) -> list[Settled]:
    """One run of the model for all `calls`; if that fails, one for each, so that a call cannot
    spoil another's answer."""
    runtime = entry.runtime
    parts = [call.rows for call in calls if call.rows is not None]
    scores = runtime.score(parts)
    if scores.error and len(calls) > 1:
        return [settled for call in calls for settled in score_calls(entry, [call])]
    if scores.error:
        return [Outcome(entry, (), None, scores.milliseconds, scores.error)]
    return _shared_out(entry, parts, scores)


def decode_and_score(
    entry: SlotEntry, call: Call, *, statistics: bool, on_decoded: Callable[[], None] | None = None
) -> Settled:
    """As score_calls, for a call that may still be image files; never raises. `on_decoded` is
    called before the model runs."""
    try:
        _decode(call, entry, statistics=statistics)
        if on_decoded is not None:
            on_decoded()
        (settled,) = score_calls(entry, [call])
    except RetreadError as error:
        return error
    except Exception as error:  # a thread's error would leave the caller waiting for ever
        return InvalidInput(f"The request cannot be read: {error}.")
    return settled


def _shared_out(entry: SlotEntry, parts: Sequence[Rows], scores: Scores) -> list[Settled]:
    if scores.is_finite and scores.embedding is None and len(parts) == len(scores.main):
        # One row each, as nearly always.
        return [Outcome(entry, (row,), None, scores.milliseconds) for row in scores.main]
    outcomes: list[Settled] = []
    start = 0
    for part in parts:
        end = start + part.count
        main = scores.main[start:end]
        embedding = None if scores.embedding is None else scores.embedding[start:end]
        error = "" if all(map(is_finite, main)) else NOT_FINITE
        outcomes.append(Outcome(entry, main, embedding, scores.milliseconds, error))
        start = end
    return outcomes


def _decode(call: Call, entry: SlotEntry, *, statistics: bool) -> None:
    image = entry.runtime.manifest.image
    if call.rows is None and image is not None:
        check_pixels(call.images, image.size)
        pixels = [decode_image(content, image.size) for content in call.images]
        call.rows = Rows(count=len(pixels), pixels=np.stack(pixels))
    if statistics and not call.statistics and call.rows and call.rows.pixels is not None:
        call.statistics = [image_statistics(one) for one in call.rows.pixels]
