"""The `retread` command."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any

import typer

from retread.cli import commands
from retread.cli.help import CommandGroup, suggested_options
from retread.cli.options import WrongUsage
from retread.cli.output import report
from retread.core import Inconclusive, RetreadError, StorageFailed, load_plugins

REFUSED = 1
USAGE = 2
INCONCLUSIVE = 3


def build_app() -> typer.Typer:
    """Return the command line, with the commands of every file in `retread.cli.commands`."""
    app = typer.Typer(
        name="retread",
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
        cls=CommandGroup,
    )
    app.callback(invoke_without_command=True)(_root)
    for module in load_plugins(commands).values():
        module.register(app)
    for group in app.registered_groups:
        assert group.typer_instance is not None, "add_typer() sets it"
        group.typer_instance.info.cls = CommandGroup
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    0 is done, 1 refused or failed, 2 wrong usage, 3 inconclusive, 4 an alarm stands, 5 a part of
    the running system has failed.
    """
    words = with_hyphens(arguments)
    as_json = "--json" in words
    try:
        # Not standalone: errors are raised, so that they are all reported in one way.
        code = build_app()(args=words, prog_name="retread", standalone_mode=False)
    except RetreadError as error:
        report(error, as_json=as_json)
        return _exit_code(error)
    except typer.TyperException as error:
        return _wrong_usage(error, as_json=as_json)
    except typer.Abort:
        return REFUSED
    except BrokenPipeError:
        # The reader has closed the pipe; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except OSError as error:
        report(StorageFailed.from_os_error(error), as_json=as_json)
        return REFUSED
    return code if isinstance(code, int) else 0


def with_hyphens(arguments: Sequence[str]) -> list[str]:
    """Replace underscores in option names by hyphens; arguments after `--` are unchanged.

    >>> with_hyphens(["train", "--dataset_version=split_1", "--", "--a_file"])
    ['train', '--dataset-version=split_1', '--', '--a_file']
    """
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    return [*map(_hyphened, words[:end]), *words[end:]]


def main() -> None:
    """Run the command line of this process and exit; the console script."""
    # A shell starts background jobs with SIGINT ignored, and children inherit that. A command must
    # end on SIGINT there too, and stop the processes that it has started.
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
    """Report an error of Typer, which does not export its error classes."""
    if error.ctx is not None and (name := getattr(error, "option_name", "")):
        known = [option for parameter in error.ctx.command.params for option in parameter.opts]
        error.possibilities = suggested_options(name, known)
    if as_json:
        report(WrongUsage(error.format_message()), as_json=True)
    else:
        error.show()
    return USAGE
