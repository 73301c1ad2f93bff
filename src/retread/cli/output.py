"""Print results and errors, as JSON or as text."""

from __future__ import annotations

from typing import Any

import msgspec
import typer
from rich.console import Console

from retread.core import RetreadError

ALARM_STANDS = 4
PART_FAILED = 5
"""Exit codes of commands that report on a running system."""

# Names that users chose, in text or in a table's cell, may look like rich's markup.
console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


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
