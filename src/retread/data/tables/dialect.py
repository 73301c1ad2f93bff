"""Find out how a text file is encoded and what separates its cells.

pyarrow reads every file; where nothing says which dialect it has, those in use are tried, and the
one is taken under which the header has the most columns and the rows fit it. A sniffer that looks
at the rows alone (DuckDB's) takes decimal commas for separators; see docs/architecture.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv

from retread.core import InvalidInput

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
_SAMPLE = 2**20
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
_COMMON_HANGUL = "euc_kr"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the cells of a text file are written.

    Attributes:
        delimiter: What separates cells.
        quote: What encloses cells that contain separators.
        skipped_lines: Lines above the header.
    """

    delimiter: str
    quote: str = '"'
    skipped_lines: int = 0

    def __str__(self) -> str:
        return f"separated by {_DELIMITERS.get(self.delimiter, repr(self.delimiter))}"


def to_utf8(content: pa.Buffer, name: str, encoding: str = "") -> tuple[pa.Buffer, str]:
    """Return the text of a file in UTF-8 without a byte order mark, and its encoding.

    Args:
        content: The bytes of the file.
        name: Its name in messages.
        encoding: Its encoding; empty to find it out.

    Raises:
        InvalidInput: The file is not text in that encoding, or in any that is known.
    """
    head = content.slice(0, min(content.size, _SAMPLE)).to_pybytes()
    mark, found = next(((m, e) for m, e in _BYTE_ORDER_MARKS if head.startswith(m)), (b"", ""))
    if found == "utf-8" or (not encoding and not found and b"\0" not in head):
        rest = content.slice(len(mark))
        if not encoding and _is_utf8(rest):
            return rest, "utf-8"
    encoding = encoding or found or _guess(head, name)
    try:
        return pa.py_buffer(
            content.to_pybytes().decode(encoding).lstrip("\ufeff").encode()
        ), encoding
    except (UnicodeDecodeError, LookupError) as error:
        raise InvalidInput(
            f"{name} is not text in the encoding {encoding}: {error}.",
            'Save it as UTF-8, or set [data] encoding, such as "cp949" or "latin-1".',
        ) from error


def find_dialect(text: pa.Buffer, name: str, delimiter: str = "") -> Dialect:
    """Return the dialect of a text file.

    Args:
        text: Its text in UTF-8.
        name: Its name in messages.
        delimiter: What separates cells; empty to find it out.

    Raises:
        InvalidInput: The rows fit the header under no separator, or under two equally well.
    """
    head = text.slice(0, min(text.size, _SAMPLE)).to_pybytes()
    if text.size > _SAMPLE:
        head = head[: head.rfind(b"\n") + 1] or head
    skipped, head = _without_blank_lines(head)
    first, _, rest = head.partition(b"\n")
    declared = re.fullmatch(rb"sep=(.)\s*", first)
    if declared:  # Excel's own way of saying it
        delimiter = delimiter or declared[1].decode()
        blank, head = _without_blank_lines(rest)
        skipped, first = skipped + 1 + blank, head.partition(b"\n")[0]
    quote = "'" if re.match(rb"\s*'[^']*'\s*[,;\t|]\s*'", first) else '"'
    if delimiter:
        return Dialect(delimiter, quote, skipped)
    fits = {d: _fit(head, Dialect(d, quote)) for d in _DELIMITERS}
    best = max(fits.values())
    if best.columns < 2 and not all(fit.rows_fit for fit in fits.values()):
        raise _unclear(head, name)
    if best.columns < 2:
        return Dialect(",", quote, skipped)
    chosen = [d for d, fit in fits.items() if fit == best]
    if len(chosen) > 1:
        raise InvalidInput(
            f"The cells of {name} may be separated by {_DELIMITERS[chosen[0]]} or "
            f"{_DELIMITERS[chosen[1]]}: both give {best.columns} columns.",
            f'Say which: [data] delimiter = "{chosen[0]}", for example.',
        )
    return Dialect(chosen[0], quote, skipped)


def _without_blank_lines(head: bytes) -> tuple[int, bytes]:
    """Return how many blank lines there are at the start, and the rest."""
    blank = re.match(rb"(?:[ \t]*(?:\r\n|\n|\r))*", head)
    end = blank.end() if blank else 0
    return len(re.findall(rb"\r\n|\n|\r", head[:end])), head[end:]


@dataclass(frozen=True, slots=True, order=True)
class _Fit:
    """How well a dialect fits; the greater, the better."""

    rows_fit: bool
    columns: int


def _fit(head: bytes, dialect: Dialect) -> _Fit:
    misfits: list[object] = []

    def note(row: object) -> str:
        misfits.append(row)
        return "skip"

    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(head),
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=2 * _SAMPLE),
            parse_options=parse_options(dialect, note),
            convert_options=pyarrow.csv.ConvertOptions(include_columns=[]),
        )
    except (pa.ArrowException, UnicodeDecodeError):
        return _Fit(False, 0)
    columns = len(header(head, dialect))
    rows = table.num_rows + len(misfits)
    # A few damaged rows must not make the file a table of one column.
    return _Fit((columns > 1 and len(misfits) <= rows / 2) or not misfits, columns)


def header(text: bytes | pa.Buffer, dialect: Dialect) -> list[str]:
    """Return the cells of the first line."""
    names = _first_rows(text, dialect, ()).schema.names
    first = _first_rows(text, dialect, names).read_next_batch()
    return [str(values[0].as_py() or "") for values in first.columns]


def _first_rows(
    text: bytes | pa.Buffer, dialect: Dialect, as_text: Sequence[str]
) -> pyarrow.csv.CSVStreamingReader:
    """Open a text whose first line is a row too; columns that are not to be text may be others."""
    return pyarrow.csv.open_csv(
        pa.BufferReader(text),
        read_options=pyarrow.csv.ReadOptions(
            autogenerate_column_names=True, use_threads=False, skip_rows=dialect.skipped_lines
        ),
        parse_options=parse_options(dialect, lambda _: "skip"),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(as_text, pa.string())
        ),
    )


def parse_options(
    dialect: Dialect, on_misfit: Callable[[object], str], *, has_quotes: bool = True
) -> pyarrow.csv.ParseOptions:
    """Return the options with which pyarrow reads a dialect.

    Without quotes no cell spans lines, and pyarrow is faster when it knows.
    """
    return pyarrow.csv.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char=dialect.quote,
        newlines_in_values=has_quotes,
        invalid_row_handler=on_misfit,
    )


def has_quotes(text: pa.Buffer, dialect: Dialect) -> bool:
    """Return whether the quote of a dialect occurs in a text."""
    with memoryview(text) as view:
        parts = (view[start : start + _SAMPLE] for start in range(0, len(view), _SAMPLE))
        return any(dialect.quote.encode() in bytes(part) for part in parts)


def _unclear(head: bytes, name: str) -> InvalidInput:
    lines = head.decode().splitlines()
    if head.lstrip()[:1] in (b"[", b"{", b"<"):
        kind = "a page of HTML or XML" if head.lstrip()[:1] == b"<" else "JSON"
        return InvalidInput(
            f"{name} holds {kind}, not a table.",
            "Save it as CSV, or as JSON lines with one object per line (.jsonl).",
        )
    return InvalidInput(
        f"The rows of {name} do not fit its first line {lines[0][:80]!r}; the second is "
        f"{lines[1][:80]!r}." if len(lines) > 1 else f"{name} has a single line.",
        "The first line must name the columns: remove what stands above it, or set "
        "[data] delimiter.",
    )  # fmt: skip


def _is_utf8(content: pa.Buffer) -> bool:
    ends = pa.array([0, content.size], pa.int64()).buffers()[1]
    try:
        pa.LargeStringArray.from_buffers(1, ends, content).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


# Characters that make sense in text of an encoding. Statistical detectors need more text than the
# labels of a table: charset-normalizer and chardet name the wrong one for half of our samples.
_WESTERN = "àâäáãåæçèéêëìíîïñòóôöõøœùúûüýÿßÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØŒÙÚÛÜÝ"
_CENTRAL = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽőűŐŰöüäÖÜÄß"
_SIGNS = "°€£µ²³½±§«»“”‘’–—…·×"  # noqa: RUF001  signs of other languages
_PLAUSIBLE: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("cp949", lambda c: "가" <= c <= "힣" and _encodes(c, _COMMON_HANGUL)),
    ("cp1252", lambda c: c in _WESTERN or c in _SIGNS),
    ("cp1251", lambda c: "А" <= c <= "я" or c in "ЁёІіЇїЄєҐґ№"),  # noqa: RUF001  Cyrillic letters
    ("cp1250", lambda c: c in _CENTRAL or c in _SIGNS),
    ("cp932", lambda c: "ぁ" <= c <= "ヶ" or c in "ー、。" or "一" <= c <= "鿿"),
    ("gb18030", lambda c: "一" <= c <= "鿿" and c.encode("gb18030")[0] < 0xD8),
    ("big5", lambda c: "一" <= c <= "鿿"),
)  # fmt: skip


def _encodes(character: str, encoding: str) -> bool:
    try:
        return len(character.encode(encoding)) == 2
    except UnicodeEncodeError:
        return False


def _guess(head: bytes, name: str) -> str:
    if b"\0" in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) > max(len(head) / 16, 8 * min(even, odd)):
            return "utf-16-le" if odd > even else "utf-16-be"
        if not any(head[3::4]) or not any(head[::4]):
            return "utf-32-be" if not any(head[::4]) else "utf-32-le"
        line = head[: head.index(0)].count(b"\n") + 1
        raise InvalidInput(
            f"{name} is not a text file: it contains zero bytes, the first in line {line}.",
            "Give the file the ending of its format, remove these bytes, or save it as UTF-8.",
        )
    shares = {encoding: _plausibility(head, encoding, test) for encoding, test in _PLAUSIBLE}
    best = max(shares, key=lambda encoding: shares[encoding])
    return best if shares[best] > 0 else "cp1252"


def _plausibility(head: bytes, encoding: str, plausible: Callable[[str], bool]) -> float:
    try:
        text = head[: head.rfind(b"\n") + 1 or None].decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    special = re.findall(r"[^\x00-\x7f]", text)
    if encoding == "cp932" and not re.search("[ぁ-ヶ]", text):
        return 0.0
    if encoding == "cp1251":
        # A single letter between Latin ones is an accented letter of another encoding.
        special = re.findall(r"[^\x00-\x7f]+", text)
        return sum(all(map(plausible, s)) and len(s) > 1 for s in special) / max(len(special), 1)
    return sum(map(plausible, special)) / max(len(special), 1)
