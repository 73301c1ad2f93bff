"""One place that prints: a JSON document, or text for people."""

from __future__ import annotations

from typing import Any

import msgspec
import typer
from rich.console import Console

from retread.core import RetreadError

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def emit(value: Any, *, as_json: bool, text: Any) -> None:
    """Print `value` as JSON, or `text` (a string, taken as it is, or a rich renderable)."""
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    elif isinstance(text, str):
        # What users named may look like rich's markup.
        console.print(text, markup=False, emoji=False)
    else:
        console.print(text)


def report(error: RetreadError, *, as_json: bool) -> None:
    """One clear sentence on stderr, and the same as JSON where asked for."""
    if as_json:
        body = {"code": error.code, "message": error.message, "hint": error.hint}
        typer.echo(msgspec.json.encode({"error": body}).decode())
    errors.print(str(error), style="red", markup=False)
