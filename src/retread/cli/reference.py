"""docs/cli.md, written from the commands: `python -m retread.cli.reference > docs/cli.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer

from retread.cli.main import build_app

_HEADER = """# Commands

Every command takes `--json` (one JSON document on stdout, nothing else) and, where it works on a
project, `--project PATH`. Options may be spelled with `-` or `_`. Exit codes: 0 done; 1 refused or
failed, with a sentence on stderr saying what to do; 2 wrong usage; 3 inconclusive.

Written by `python -m retread.cli.reference`; do not edit.
"""
_EVERYWHERE = frozenset({"help", "as_json", "json", "project"})


def reference() -> str:
    """Every command with its arguments and options, in Markdown."""
    root = typer.main.get_command(build_app())
    return "\n".join([_HEADER, *(_entry(path, c) for path, c in _commands(root, "retread"))])


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name in sorted(children):
        yield from _commands(children[name], f"{path} {name}")


def _entry(path: str, command: Any) -> str:
    shown = [p for p in command.params if p.name not in _EVERYWHERE]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    options = [p for p in shown if p.param_type_name == "option"]
    usage = " ".join([path, *(_metavar(argument) for argument in arguments)])
    lines = [f"## `{usage}`", "", " ".join((command.help or "").split()), ""]
    if options:
        lines += ["| option | default | meaning |", "|---|---|---|", *map(_row, options), ""]
    return "\n".join(lines)


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _row(option: Any) -> str:
    spelling = ", ".join(f"`{name}`" for name in option.opts)
    empty = option.default in (None, "", False, ()) or callable(option.default)
    default = "" if empty else f"`{option.default}`"
    return f"| {spelling} | {default} | {' '.join((option.help or '').split())} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
