"""Report what happens in a demo, as it happens: on a terminal, or as plain lines."""

from __future__ import annotations

import textwrap
from enum import StrEnum
from typing import Protocol, Self, TextIO

import msgspec
from rich.console import Console
from rich.status import Status
from rich.text import Text

from retread.core import Clock

PROGRESS_EVERY_S = 15.0
"""How often the plain renderer repeats what is in progress."""

_INDENT = " " * 9


class Level(StrEnum):
    """What an entry of the report is."""

    PHASE = "phase"
    INFO = "info"
    SUCCESS = "success"
    ALARM = "alarm"


_STYLES = {
    Level.PHASE: "bold cyan",
    Level.INFO: "",
    Level.SUCCESS: "green",
    Level.ALARM: "bold yellow",
}
_MARKS = {
    Level.PHASE: "",
    Level.INFO: " ",
    Level.SUCCESS: "\N{CHECK MARK}",
    Level.ALARM: "!",
}


class ReportEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report, `at_s` seconds after the start of the demo."""

    at_s: float
    level: Level
    text: str


class Renderer(Protocol):
    """Shows the entries of a report."""

    def show(self, entry: ReportEntry) -> None: ...

    def progress(self, text: str | None) -> None:
        """Show what is in progress; None when nothing is."""
        ...


class Reporter:
    """Keeps the entries of a report, and passes each on to a renderer at once."""

    def __init__(self, clock: Clock, renderer: Renderer) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self._renderer = renderer
        self.entries: list[ReportEntry] = []

    @property
    def seconds(self) -> float:
        """Seconds since the demo started."""
        return self._clock.monotonic() - self._start

    def phase(self, title: str) -> None:
        """Report that a phase of the demo begins."""
        self.report(title, Level.PHASE)

    def report(self, text: str, level: Level = Level.INFO) -> None:
        """Report one sentence or two."""
        entry = ReportEntry(at_s=self.seconds, level=level, text=text)
        self.entries.append(entry)
        self._renderer.show(entry)

    def progress(self, text: str | None = None) -> None:
        """Show what is in progress; None when nothing is."""
        self._renderer.progress(text)


class TerminalRenderer:
    """Prints colored entries, and keeps what is in progress on the last line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("", console=console, spinner="dots")

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def show(self, entry: ReportEntry) -> None:
        self._console.print(styled(entry, self._console.width))

    def progress(self, text: str | None) -> None:
        self._status.update(Text(text or "", "dim"))


class PlainRenderer:
    """Writes one line per entry for pipes and logs, and now and then what is in progress."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._written_at = clock.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, entry: ReportEntry) -> None:
        self._write(as_text(entry))

    def progress(self, text: str | None) -> None:
        if text and self._clock.monotonic() - self._written_at >= PROGRESS_EVERY_S:
            self._write(f"{_INDENT}{text}")

    def _write(self, text: str) -> None:
        self._written_at = self._clock.monotonic()
        self._stream.write(text + "\n")
        self._stream.flush()


def as_text(entry: ReportEntry) -> str:
    """Format an entry as one line of plain text; a blank line precedes a phase.

    >>> as_text(ReportEntry(at_s=63.2, level=Level.SUCCESS, text="Version 1 serves."))
    ' 1:03  ✓ Version 1 serves.'
    """
    if entry.level is Level.PHASE:
        return f"\n{entry.text}"
    minutes, seconds = divmod(int(entry.at_s), 60)
    return f"{minutes:2d}:{seconds:02d}  {_MARKS[entry.level]} {entry.text}"


def styled(entry: ReportEntry, width: int) -> Text:
    """Format an entry with its color, wrapped at `width` and indented below its text."""
    wrapped = textwrap.fill(
        as_text(entry),
        width=max(width, 2 * len(_INDENT)),
        subsequent_indent=_INDENT,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return Text(wrapped, _STYLES[entry.level])
