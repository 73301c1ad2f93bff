"""What a source holds, read and checked, before it becomes a version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from retread.data.version import Column
from retread.project.settings import DataSection

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and how much there is."""

Fetch = Callable[[Sequence[int]], list[bytes]]
"""Image bytes of rows, by their positions."""


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What to read: `labels` is 'folder', a JSON label file, or a column.

    `columns` are those of the version to which rows are appended, None for a snapshot. `index` is
    a file that remembers what was read of files, so that unchanged ones are not read again; None
    reads everything.
    """

    source: Path
    labels: str
    settings: DataSection
    regression: bool = False
    columns: tuple[Column, ...] | None = None
    index: Path | None = None
    progress: Progress = lambda *_: None


@dataclass(frozen=True, slots=True)
class SourceExamples:
    """Examples of a source.

    `rows` has LABEL (string, or float64 for regression), GROUP and TIMESTAMP (null: not given),
    SOURCE, DIGEST, optionally ID, and the feature columns of a table. Images have `fetch`
    instead, and `measures` of a sample by digest, in the order of images.MEASURES. `nearness` is
    the group of a row to which neither the source nor the version before gives one.
    """

    columns: tuple[Column, ...]
    rows: pa.Table
    nearness: list[str]
    unreadable: tuple[str, ...] = ()
    fetch: Fetch | None = None
    measures: dict[str, tuple[float, ...]] = field(default_factory=dict)
