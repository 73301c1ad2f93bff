"""Print results and errors, as JSON or as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from retread.core import RetreadError
from retread.core.visible_text import visible_lines


class SafeConsole(Console):
    """A console on which nothing that users wrote controls the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(visible_lines(text), style)


ALARM_STANDS = 4
PART_FAILED = 5
"""Exit codes of commands that report on a running system."""

# Names that users chose, in text or in a table's cell, may look like rich's markup.
console = SafeConsole(highlight=False, soft_wrap=True, markup=False, emoji=False)
errors = SafeConsole(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def emit(value: Any, *, as_json: bool, text: Any) -> None:
    """Print the result of a command on stdout.

    Args:
        value: The result, printed if `as_json`.
        as_json: Whether to print JSON.
        text: A string or a rich renderable, printed as it is otherwise.
    """
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    else:
        console.print(text)


def report(error: RetreadError, *, as_json: bool) -> None:
    """Print an error on stderr, and as JSON on stdout if `as_json`."""
    if as_json:
        body = {"code": error.code, "message": error.message, "hint": error.hint}
        typer.echo(msgspec.json.encode({"error": body}).decode())
    errors.print(str(error), style="red")
