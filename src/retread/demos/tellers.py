"""Two ways to tell a story: on a terminal, and as plain lines."""

from __future__ import annotations

from typing import Self, TextIO

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from retread.core import Clock
from retread.demos.story import Line, Tone

PROGRESS_EVERY_S = 15.0

_MARGIN = " " * 9
_STYLES = {
    Tone.ACT: "bold cyan",
    Tone.HAPPENING: "",
    Tone.GOOD: "green",
    Tone.ALARM: "bold yellow",
}
_MARKS = {
    Tone.ACT: "",
    Tone.HAPPENING: " ",
    Tone.GOOD: "\N{CHECK MARK}",
    Tone.ALARM: "!",
}


class TerminalTeller:
    """Colours, and a last line that says what is being worked on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("", console=console, spinner="dots")

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def tell(self, line: Line) -> None:
        style = _STYLES[line.tone]
        text = escape(as_text(line))
        self._console.print(f"[{style}]{text}[/]" if style else text)

    def progress(self, text: str) -> None:
        self._status.update(f"[dim]{escape(text)}[/]")


class PlainTeller:
    """Lines for pipes and logs, flushed; what is being worked on is told now and then."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._progress_at = clock.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def tell(self, line: Line) -> None:
        self._write(as_text(line))

    def progress(self, text: str) -> None:
        now = self._clock.monotonic()
        if text and now - self._progress_at >= PROGRESS_EVERY_S:
            self._write(f"{_MARGIN}{text}")

    def _write(self, text: str) -> None:
        self._progress_at = self._clock.monotonic()
        self._stream.write(text + "\n")
        self._stream.flush()


def as_text(line: Line) -> str:
    """A line without colours; an act has a blank line before it.

    >>> as_text(Line(at_s=63.2, tone=Tone.GOOD, text="Version 1 serves."))
    ' 1:03  ✓ Version 1 serves.'
    """
    if line.tone is Tone.ACT:
        return f"\n{line.text}"
    minutes, seconds = divmod(int(line.at_s), 60)
    return f"{minutes:2d}:{seconds:02d}  {_MARKS[line.tone]} {line.text}"
