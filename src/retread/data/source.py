"""The interface of data sources: what is requested of them and the examples they return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from retread.core.column_rules import ColumnRules
from retread.data.row_numbers import FROM_ONE, RowNumbers
from retread.data.version import Column, ColumnDecision
from retread.project.settings import DataSection

Progress = Callable[[str, int, int], None]
"""Called with the current step, the number of items done, and their total number."""

Fetch = Callable[[Sequence[int]], list[bytes]]
"""Returns the image bytes of rows, given their positions."""


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """A request to read a source.

    Attributes:
        source: The file or folder to read.
        labels: Where the labels are: 'folder', a label file, or a column.
        settings: The `[data]` section of the project.
        regression: Whether the labels are numeric targets.
        columns: The columns of the version that rows are appended to; None to infer them.
        rules: How their values are read.
        label_rules: How the labels of that version are read; None to infer it.
        decisions: What was decided about the columns of its source.
        index: A file that caches what was read of the source's files, so that unchanged ones are
            not read again; None to read all of them.
        progress: Called as reading proceeds.
    """

    source: Path
    labels: str
    settings: DataSection
    regression: bool = False
    columns: tuple[Column, ...] | None = None
    rules: tuple[ColumnRules, ...] = ()
    label_rules: ColumnRules | None = None
    decisions: tuple[ColumnDecision, ...] = ()
    index: Path | None = None
    progress: Progress = lambda *_: None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFindings:
    """What the images of a source are like, for the checks.

    Attributes:
        alike: Photos of different files and labels that decode to the same pixels: one text per
            picture, which names two of its files.
        alike_rows: The number of such photos.
        deep: The number of greyscale images with 16 bits.
        peak: The largest pixel value among them.
        beyond: How many of them have values that [data] image_depth has no room for.
        depth: [data] image_depth.
        deep_colours: The number of colour images with 16 bits per channel.
        colour_peak: The largest pixel value among them.
        mirrored: Pairs of labels whose images are mirror images of each other, each as a sentence.
        left_out: The number of files that are no images, by ending.
    """

    alike: tuple[str, ...] = ()
    alike_rows: int = 0
    deep: int = 0
    peak: int = 0
    beyond: int = 0
    depth: int = 16
    deep_colours: int = 0
    colour_peak: int = 0
    mirrored: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceExamples:
    """The examples of a source, read and checked, before they become a version.

    Attributes:
        columns: The feature columns.
        rows: A table with LABEL (string, or float64 for regression), GROUP and TIMESTAMP (null
            where the source gives none), SOURCE, DIGEST, optionally ID, optionally SPLIT (the
            split that the source gives a row; null where it gives none), and the feature columns
            of a table. Images have `fetch` in place of a feature column.
        similarity_keys: For each row, a key that near-duplicates share. It becomes the group of a
            row that has none, neither from the source nor from the previous version.
        unreadable: The names of the files that cannot be read, each with the reason.
        fetch: Reads the images of rows; None for a table.
        properties: IMAGE_PROPERTIES of a sample of the images, by digest.
        numbers: The numbers of the rows in their file, for messages.
        rules: How the values of each feature column of a table are read.
        label_rules: How its labels are read.
        decisions: What was decided about each column of a table.
        problems: What a person should look at before a model is trained, one sentence each.
        findings: What the images are like; None for a table.
        remarks: How the source was read, where it could be read in more than one way: sentences to
            tell the user.
    """

    columns: tuple[Column, ...]
    rows: pa.Table
    similarity_keys: Sequence[str] | pa.StringArray
    unreadable: tuple[str, ...] = ()
    fetch: Fetch | None = None
    properties: dict[str, tuple[float, ...]] = field(default_factory=dict)
    numbers: RowNumbers = FROM_ONE
    rules: tuple[ColumnRules, ...] = ()
    label_rules: ColumnRules | None = None
    decisions: tuple[ColumnDecision, ...] = ()
    problems: tuple[str, ...] = ()
    findings: ImageFindings | None = None
    remarks: tuple[str, ...] = ()


class Source(Protocol):
    """A kind of source.

    The modules in `retread.data.sources` implement it, and so do classes of your own that [data]
    extra_sources names as `package.module:Class`. They are called without arguments. Tables can be
    turned into examples by `gather_table`:

        class KeyValueFile:
            DESCRIPTION = "a file of LABEL=VALUE lines"

            def accepts(self, request):
                return request.source.suffix == ".pairs"

            def gather(self, request):
                pairs = [line.split("=") for line in request.source.read_text().splitlines()]
                table = pa.table({"x": [float(x) for _, x in pairs], "y": [y for y, _ in pairs]})
                return gather_table(table, request.source.name, request)
    """

    DESCRIPTION: str
    """A noun phrase for the list of supported sources."""

    def accepts(self, request: SourceRequest) -> bool:
        """Return whether this kind of source can read the request, whose source exists."""
        ...

    def gather(self, request: SourceRequest) -> SourceExamples:
        """Read the examples of the source.

        Raises:
            InvalidInput: The source cannot be read or has no examples.
            NotFound: A file that the source names does not exist.
        """
        ...
