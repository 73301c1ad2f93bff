"""Recognise what a column of texts is: truth values, identifiers, prose, spellings."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retread.core.column_rules import FALSE, TRUE, clean_text
from retread.data.row_numbers import RowNumbers
from retread.data.tables.cells import DistinctCells

Counts = npt.NDArray[np.int64]

_TRUTH = {"true", "false"}
_SPELLINGS = {*TRUE, *FALSE}
_MIN_DISTINCT = 20
_NEARLY_ALL = 0.9
_PROSE_WORDS = 4
_LONG = 1000


@dataclass(frozen=True, slots=True)
class TextCells:
    """The cleaned distinct texts of a column that are not missing.

    Attributes:
        texts: The texts.
        counts: How many cells have each.
        first: The position of the first cell with each.
        missing: How many cells are missing.
        rows: How many cells there are.
    """

    texts: list[str]
    counts: Counts
    first: Counts
    missing: int
    rows: int

    @property
    def known(self) -> int:
        """The number of cells that are not missing."""
        return self.rows - self.missing

    def examples(self, rows: RowNumbers, mask: npt.NDArray[np.bool_] | None = None) -> str:
        """Name up to three cells, by row and text."""
        chosen = np.arange(len(self.texts)) if mask is None else np.flatnonzero(mask)
        chosen = chosen[np.argsort(self.first[chosen], kind="stable")][:3]
        return ", ".join(f"row {rows[self.first[i]]} {shown(self.texts[i])}" for i in chosen)


def text_cells(cells: DistinctCells, missing: Sequence[str]) -> TextCells:
    """Clean the distinct values of a column of texts, and set the missing ones aside."""
    texts = [clean_text(str(text)) for text in cells.texts]
    counts, first = cells.counts(), cells.first_positions()
    words = set(missing)
    merged: dict[str, list[int]] = defaultdict(list)
    for position, text in enumerate(texts):
        if text not in words:
            merged[text].append(position)
    groups = list(merged.values())
    count = np.array([counts[group].sum() for group in groups], np.int64)
    return TextCells(
        texts=list(merged),
        counts=count,
        first=np.array([first[group].min() for group in groups], np.int64),
        missing=len(cells.codes) - int(count.sum()),
        rows=len(cells.codes),
    )


def shown(text: str) -> str:
    """Return text in quotes, cut where it is long."""
    return repr(text if len(text) <= 30 else text[:27] + "...")


def are_truth_values(texts: Sequence[str]) -> bool:
    """Return whether all texts are spellings of true and false, and one of them is the word.

    >>> are_truth_values(["TRUE", "F", "0"]), are_truth_values(["1", "0"])
    (True, False)
    """
    lower = {text.lower() for text in texts}
    return bool(lower & _TRUTH) and lower <= _SPELLINGS


def is_prose(cells: TextCells) -> bool:
    """Return whether most texts are sentences that occur once."""
    if len(cells.texts) < max(_MIN_DISTINCT, cells.known / 2):
        return False
    words = sum(text.count(" ") + 1 for text in cells.texts) / len(cells.texts)
    return words >= _PROSE_WORDS


def is_identifier(cells: TextCells) -> bool:
    """Return whether nearly every cell has a text of its own."""
    return len(cells.texts) >= max(_MIN_DISTINCT, _NEARLY_ALL * cells.known)


def long_text(cells: TextCells) -> int | None:
    """Return the position, among the texts, of the longest one that is not a category."""
    lengths = np.array([len(text) for text in cells.texts] or [0])
    longest = int(lengths.argmax())
    return longest if lengths[longest] > _LONG else None


def near_equal(texts: Sequence[str]) -> list[list[str]]:
    """Return the texts that differ in case, width, separators or a full stop only, in groups.

    >>> near_equal(["bad", "Bad", "bad.", "good", "1", "1.0", "-1"])
    [['bad', 'Bad', 'bad.'], ['1', '1.0']]
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        groups[_spelling_key(text)].append(text)
    return [group for group in groups.values() if len(group) > 1]


def _spelling_key(text: str) -> str:
    key = unicodedata.normalize("NFKC", text).replace("\ufe0f", "").casefold()
    key = re.sub(r"(?<=\w)[\s_-]+(?=[^\W\d])|\s+", " ", key).strip(" .")
    return re.sub(r"^(-?[0-9]+)\.0+$", r"\1", key)
