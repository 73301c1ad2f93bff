"""Decide by which separators the numbers of a column are written, from all of its cells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core.column_rules import ColumnRules, ValueKind, number_pattern, plain_signs

Mask = npt.NDArray[np.bool_]

_CONVENTIONS = (
    (".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"),
)  # fmt: skip
_INFINITY = r"^(?i)[+-]?inf(?:inity)?$"
_GROUP = 3

_FEW_SAME = 0.05
"""The share of spellings beyond the first of a number that a column typed by hand may have."""


class CodeReason(StrEnum):
    """Why texts that can be read as numbers are codes."""

    LEADING_ZEROS = "leading zeros"
    EXPONENTS = "exponents among whole numbers"
    SAME_NUMBER = "different texts that are the same number"
    TOO_LONG = "more digits than a number keeps"


@dataclass(frozen=True, slots=True)
class NumberReading:
    """How the numbers among texts are read.

    Attributes:
        decimal: The decimal separator.
        thousands: The separator of thousands; empty if there is none.
        readable: For each text, whether it is a number under these separators.
        infinite: For each text, whether it is a word for infinity, which no model takes.
        numeric: For each text, whether it is a number under any separators.
        ambiguous: Whether the texts may as well be read under other separators, as other numbers.
    """

    decimal: str
    thousands: str
    readable: Mask
    infinite: Mask
    numeric: Mask
    ambiguous: bool = False


def read_numbers(
    texts: list[str],
    counts: npt.NDArray[np.int64],
    *,
    comma_file: bool = False,
    semicolons: bool = False,
) -> NumberReading:
    """Decide under which separators most cells are numbers.

    Args:
        texts: The distinct texts of the column, cleaned, without missing ones.
        counts: How often each occurs.
        comma_file: Whether another column of the file has decimal commas for certain.
        semicolons: Whether semicolons separate its cells, which makes decimal commas likely.
    """
    signs = [plain_signs(text) for text in texts]
    plain = pa.array(signs, pa.string())
    masks = {
        convention: _matches(plain, number_pattern(_rules(*convention)))
        for convention in _CONVENTIONS
        if all(mark in ".," or _occurs(plain, mark) for mark in convention if mark)
    }
    weights = {convention: int(counts[mask].sum()) for convention, mask in masks.items()}
    best = max(weights.values(), default=0)
    # In the order of _CONVENTIONS: the simplest of those that read most.
    candidates = [c for c, weight in weights.items() if weight == best and best]
    infinite = _matches(plain, _INFINITY)
    if not candidates:
        nothing = np.zeros(len(texts), bool)
        return NumberReading(".", "", nothing, infinite, nothing)
    chosen, ambiguous = _choose(candidates, signs, masks[candidates[0]], comma_file=comma_file)
    if semicolons and chosen == (".", "") and (",", ".") in candidates:
        ambiguous = any("." in sign for sign in signs)
    numeric = np.logical_or.reduce(list(masks.values()))
    return NumberReading(*chosen, masks[chosen], infinite, numeric, ambiguous)


def may_be_grouped_by_points(values: pa.ChunkedArray) -> bool:
    """Return whether all texts with a point may have it between thousands, and some have one."""
    points = values.filter(pc.match_substring(values, "."))
    grouped = r"^\s*[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+\s*$"
    return len(points) > 0 and bool(pc.all(pc.match_substring_regex(points, grouped)).as_py())


def code_reason(texts: list[str], numbers: npt.NDArray[np.float64]) -> CodeReason | None:
    """Return why texts that can all be read as numbers are codes; None if they are numbers.

    Args:
        texts: Distinct texts, cleaned, in plain notation: a point and no separators of thousands.
        numbers: The number that each is read as.
    """
    plain = pa.array(texts, pa.string())
    if _matches(plain, r"^[+-]?0[0-9]").any():
        return CodeReason.LEADING_ZEROS
    whole = _matches(plain, r"^[0-9]+$")
    if (_matches(plain, r"^[0-9]+[eE][0-9]+$") | whole).all() and not whole.all():
        return CodeReason.EXPONENTS
    # 3 and 3.0 are one number to everybody; 1.1 and 1.10 need not be.
    shown = pc.replace_substring_regex(plain, r"^\+|^(-?[0-9]+)\.0*$", r"\1")
    distinct_texts = pc.count_distinct(shown).as_py()
    distinct_numbers = len(np.unique(numbers))
    if distinct_texts - distinct_numbers > _FEW_SAME * distinct_texts:
        long = _matches(plain, r"[0-9]{16}").any()
        return CodeReason.TOO_LONG if long else CodeReason.SAME_NUMBER
    return None


def plainly_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return texts as float64 if all are numbers with a point that nobody takes for codes.

    This is the short way for most columns, by the bytes of their cells. None means that it takes
    a closer look.
    """
    texts = [chunk for chunk in values.chunks if len(chunk)]
    try:
        numbers = pa.chunked_array([chunk.cast(pa.float64()) for chunk in texts], pa.float64())
    except pa.ArrowInvalid:
        return None
    largest = pc.max(pc.abs(numbers)).as_py()
    # From there on, float64 cannot tell whole numbers apart.
    if largest is None or not largest < 2**53:
        return None
    parts = [
        _CellBytes(text.drop_null(), np.asarray(number.drop_null()))
        for text, number in zip(texts, numbers.chunks, strict=True)
        if text.null_count < len(text)
    ]
    if not all(part.is_plain() for part in parts):
        return None
    # 1.1 and 1.10 may be two codes, unless all fractions have as many decimals.
    if any(part.has_trailing_zeros() for part in parts):
        decimals = {count for part in parts for count in part.decimals()}
        return numbers if len(decimals) == 1 else None
    return numbers


_IS_PLAIN = np.isin(np.arange(256), list(b"-.0123456789"))
_IS_EXPONENT = np.isin(np.arange(256), list(b"eE+"))


class _CellBytes:
    """The texts of a chunk as the bytes that Arrow holds, and the numbers that they are."""

    def __init__(self, texts: pa.Array, numbers: npt.NDArray[np.float64]) -> None:
        offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1]
        self._data = np.frombuffer(texts.buffers()[2], np.uint8)
        self._span = offsets[0], offsets[-1]
        self._starts, self._ends = offsets[:-1], offsets[1:]
        self._numbers = numbers

    def is_plain(self) -> bool:
        """Return whether there are only plain decimals, and no leading zeros.

        Exponents are plain where some number has a fraction: whole numbers with some are codes.
        """
        cells = self._data[slice(*self._span)]
        # Of what is a number, everything from the minus to the nine is plain: most columns are.
        between = cells.min() >= ord("-") and cells.max() <= ord("9")
        if not between and not _IS_PLAIN[cells].all():
            has_fractions = bool((self._numbers != np.floor(self._numbers)).any())
            if not has_fractions or not (_IS_PLAIN | _IS_EXPONENT)[cells].all():
                return False
        starts = self._starts + (self._data[self._starts] == ord("-"))
        second = self._data[np.minimum(starts + 1, self._ends - 1)]
        digit = (second >= ord("0")) & (second <= ord("9")) & (self._ends - starts > 1)
        return not ((self._data[starts] == ord("0")) & digit).any()

    def has_trailing_zeros(self) -> bool:
        """Return whether a fraction ends in a zero, such as 1.10 but not 1.0."""
        fractions = self._numbers != np.floor(self._numbers)
        return bool((fractions & (self._data[self._ends - 1] == ord("0"))).any())

    def decimals(self) -> set[int]:
        """Return how many decimals the numbers have; -1 if some have no point."""
        start, end = self._span
        dots = np.flatnonzero(self._data[start:end] == ord(".")) + start
        return set((self._ends - dots - 1).tolist()) if len(dots) == len(self._ends) else {-1, 0}


def _choose(
    candidates: list[tuple[str, str]], texts: list[str], readable: Mask, *, comma_file: bool
) -> tuple[tuple[str, str], bool]:
    """Choose among separators that read the same cells, but as different numbers."""
    point, comma = (".", ""), (",", "")
    groups_by_comma, groups_by_point = (".", ","), (",", ".")
    cells = [text for text, is_number in zip(texts, readable, strict=True) if is_number]
    marked = [text for text in cells if "," in text or "." in text]
    if not marked:
        return (point if point in candidates else candidates[0]), False
    if comma in candidates and groups_by_comma in candidates:
        return _comma_or_thousands(cells, marked, comma_file=comma_file)
    if point in candidates and groups_by_point in candidates and comma_file:
        return groups_by_point, False
    return candidates[0], _may_be_mixed(cells, *candidates[0])


def _may_be_mixed(cells: list[str], decimal: str, thousands: str) -> bool:
    """Return whether both separators may be decimal ones, as where two people typed a column.

    Separators of thousands are certain where a cell has both or two of them, or where whole
    numbers are grouped from a thousand on.
    """
    if {decimal, thousands} != {".", ","}:
        return False
    grouped = [text for text in cells if thousands in text]
    others = [text for text in cells if thousands not in text]
    if any(decimal in text or text.count(thousands) > 1 for text in grouped):
        return False
    whole = [text.lstrip("+-").partition(decimal)[0] for text in others]
    fractions = sum(decimal in text for text in others)
    return fractions == len(others) or max(map(len, whole)) > _GROUP


def _comma_or_thousands(
    cells: list[str], marked: list[str], *, comma_file: bool
) -> tuple[tuple[str, str], bool]:
    """Decide what a comma before three digits is."""
    comma, groups_by_comma = (",", ""), (".", ",")
    certain = (text.lstrip("+-").startswith("0") or "e" in text.lower() for text in marked)
    if comma_file or any(certain):
        return comma, False
    unmarked = [text for text in cells if "," not in text]
    if unmarked:
        small = all(len(text.lstrip("+-")) <= 3 for text in unmarked)
        return (groups_by_comma if small else comma), not small
    return comma, True


def _rules(decimal: str, thousands: str) -> ColumnRules:
    return ColumnRules(name="", kind=ValueKind.NUMBER, decimal=decimal, thousands=thousands)


def _matches(texts: pa.Array, pattern: str) -> Mask:
    return np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False), bool)


def _occurs(texts: pa.Array, mark: str) -> bool:
    return bool(pc.any(pc.match_substring(texts, mark)).as_py())
