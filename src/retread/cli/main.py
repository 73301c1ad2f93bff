"""The `retread` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any

import typer

from retread.cli import commands
from retread.cli.output import report
from retread.cli.usage import WrongUsage
from retread.core import Inconclusive, InvalidInput, RetreadError, load_plugins

REFUSED = 1
USAGE = 2
INCONCLUSIVE = 3


def build_app() -> typer.Typer:
    """The command line, with one noun per file of `retread.cli.commands`."""
    app = typer.Typer(
        name="retread",
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(_root)
    for module in load_plugins(commands).values():
        module.register(app)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0, 1 refused, 2 usage, 3 inconclusive."""
    words = spelled(arguments)
    as_json = "--json" in words
    try:
        # Not standalone: errors come here, to be told in one way.
        code = build_app()(args=words, prog_name="retread", standalone_mode=False)
    except RetreadError as error:
        report(error, as_json=as_json)
        return _exit_code(error)
    except typer.TyperException as error:
        return _wrong_usage(error, as_json=as_json)
    except typer.Abort:
        return REFUSED
    except BrokenPipeError:
        # Who read us has had enough; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except OSError as error:
        report(_of_the_machine(error), as_json=as_json)
        return REFUSED
    return code if isinstance(code, int) else 0


def spelled(arguments: Sequence[str]) -> list[str]:
    """`arguments` with one spelling of each option; what follows `--` is left alone.

    >>> spelled(["train", "--dataset_version=split_1", "--", "--a_file"])
    ['train', '--dataset-version=split_1', '--', '--a_file']
    """
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    return [*map(_hyphened, words[:end]), *words[end:]]


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def _root(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.")
    ] = False,
) -> None:
    """Models wear out. Retread keeps them in service."""
    if show_version:
        typer.echo(f"retread {version('retread')}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _hyphened(word: str) -> str:
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value


def _exit_code(error: RetreadError) -> int:
    if isinstance(error, WrongUsage):
        return USAGE
    return INCONCLUSIVE if isinstance(error, Inconclusive) else REFUSED


def _wrong_usage(error: Any, *, as_json: bool) -> int:
    """`error` is one of Typer's, whose classes it does not export."""
    if as_json:
        report(WrongUsage(error.format_message()), as_json=True)
    else:
        error.show()
    return USAGE


def _of_the_machine(error: OSError) -> RetreadError:
    where = f": {error.filename}" if error.filename else ""
    return InvalidInput(f"{error.strerror or error}{where}.")
