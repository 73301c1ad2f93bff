"""One place that prints: a JSON document, or text for people."""

from __future__ import annotations

from typing import Any

import msgspec
import typer
from rich.console import Console

from retread.core import RetreadError

# What users named, here or in a table's cell, may look like rich's markup.
console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def emit(value: Any, *, as_json: bool, text: Any) -> None:
    """Print `value` as JSON, or `text` (a string or a rich renderable), taken as it is."""
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    else:
        console.print(text)


def report(error: RetreadError, *, as_json: bool) -> None:
    """One clear sentence on stderr, and the same as JSON where asked for."""
    if as_json:
        body = {"code": error.code, "message": error.message, "hint": error.hint}
        typer.echo(msgspec.json.encode({"error": body}).decode())
    errors.print(str(error), style="red")
