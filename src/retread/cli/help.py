"""Help: commands in groups with whole sentences, and suggestions for what was mistyped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import typer
import typer.core

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Start": ("init", "demo", "doctor", "settings"),
    "Data": ("data",),
    "Train": ("train", "runs"),
    "Release": (
        "gate",
        "stage",
        "promote",
        "production",
        "rollback",
        "shadow",
        "history",
        "lineage",
        "audit",
    ),
    "Serve": ("up", "down", "status", "serve", "predict", "feedback"),
    "Watch": ("monitor", "trigger", "triggers", "simulate"),
}
"""The commands of `retread --help`; one that is in no group is listed under "More"."""


class CommandGroup(typer.core.TyperGroup):
    """Shows the whole first sentence of each command, and suggests commands of subgroups too."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands to the formatter."""
        shown = {name: c for name, c in self.commands.items() if not c.hidden}
        for title, names in _sections(shown, is_root=ctx.parent is None):
            with formatter.section(title):
                formatter.write_dl([(name, _first_sentence(shown[name].help)) for name in names])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first argument names."""
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException as error:
            nested = list(_nested(self.commands, args[0])) if args else []
            if nested and "Did you mean" not in error.message:
                error.message = f"{error.message.rstrip('.')}. Did you mean {_either(nested)}?"
            raise


def suggested_options(name: str, known: Iterable[str]) -> list[str]:
    """Return the options that a mistyped one may mean: by initials, parts, or likeness.

    >>> suggested_options("--lr", ["--learning-rate", "--seed", "--help"])
    ['--learning-rate']
    >>> suggested_options("--rate", ["--learning-rate", "--dataset"])
    ['--learning-rate']
    >>> suggested_options("--epoch", ["--epochs", "--seed"])
    ['--epochs']
    >>> suggested_options("--xyz", ["--epochs", "--help"])
    []
    """
    word = name.lstrip("-")
    options = [option for option in known if option.startswith("--")]
    initials = [o for o in options if "".join(part[0] for part in o[2:].split("-")) == word]
    parts = [o for o in options if len(word) > 2 and word in o[2:]]
    found = initials or parts or get_close_matches(name, options, cutoff=0.7)
    return sorted(set(found))


def _sections(commands: Mapping[str, Any], *, is_root: bool) -> Iterator[tuple[str, list[str]]]:
    if not is_root:
        yield "Commands", list(commands)
        return
    for title, names in GROUPS.items():
        if listed := [name for name in names if name in commands]:
            yield title, listed
    grouped = {name for names in GROUPS.values() for name in names}
    if more := [name for name in commands if name not in grouped]:
        yield "More", more


def _first_sentence(text: str | None) -> str:
    """Return the first paragraph of a help text, on one line."""
    return " ".join((text or "").split("\n\n")[0].split())


def _nested(commands: Mapping[str, Any], name: str) -> Iterator[str]:
    for group, command in commands.items():
        if name in getattr(command, "commands", {}):
            yield f"{group} {name}"


def _either(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
