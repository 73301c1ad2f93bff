"""One inference request on its way through the data plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from retread.core import RetreadError
from retread.registry.events import Slot
from retread.serving.rows import Rows
from retread.serving.slots import SlotEntry, SlotTable
from retread.serving.tensor import Tensor


class Outcome:
    """What one model said to one call: `main` [rows][K]; `error` is not '' if it said nothing;
    `milliseconds` for each row."""

    __slots__ = ("embedding", "entry", "error", "main", "milliseconds")

    def __init__(
        self,
        entry: SlotEntry,
        main: Sequence[Sequence[float]],
        embedding: npt.NDArray[np.float32] | None,
        milliseconds: float,
        error: str = "",
    ) -> None:
        self.entry = entry
        self.main = main
        self.embedding = embedding
        self.milliseconds = milliseconds
        self.error = error


class Call:
    """What is asked, and then what was answered.

    One of `values` (a row of numbers), `tensors` and `images` (files) is given; `key` is '' for
    the id itself, `version` 0 for any. The data plane fills in the rest and calls `reply` once; a
    transport derives from this class and says there how the answer goes out. `at` is wall-clock
    time, `began` monotonic; a call that is `alone` is scored by no second model.
    """

    __slots__ = (
        "alone",
        "at",
        "began",
        "entry",
        "id",
        "images",
        "key",
        "outcome",
        "paired",
        "rows",
        "statistics",
        "status",
        "table",
        "tensors",
        "values",
        "version",
        "wish",
    )

    table: SlotTable
    entry: SlotEntry
    rows: Rows | None

    def __init__(self) -> None:
        self.id = ""
        self.key = ""
        self.wish: Slot | None = None
        self.version = 0
        self.values: Sequence[float] | None = None
        self.tensors: Mapping[str, Tensor] | None = None
        self.images: Sequence[bytes] = ()
        self.alone = False
        self.at = 0.0
        self.began = 0.0
        self.status = 0
        self.outcome: Outcome | None = None
        self.paired: Outcome | None = None
        self.rows = None
        self.statistics: Sequence[dict[str, float]] = ()

    def reply(self, error: RetreadError | None) -> None:
        """Send `outcome`, or `error` if there is none, and set `status`."""
        raise NotImplementedError
