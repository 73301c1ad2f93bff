"""The `retread` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from retread.cli import commands
from retread.cli.output import report
from retread.core import Inconclusive, RetreadError, load_plugins

REFUSED = 1
INCONCLUSIVE = 3
INTERRUPTED = 130


def build_app() -> typer.Typer:
    """The command line, with one noun per file of `retread.cli.commands`."""
    app = typer.Typer(
        name="retread",
        help="Models wear out. Retread keeps them in service.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    for module in load_plugins(commands).values():
        module.register(app)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0, 1 refused, 2 usage, 3 inconclusive."""
    words = [hyphened(word) for word in arguments]
    try:
        build_app()(args=words, prog_name="retread")
    except RetreadError as error:
        report(error, as_json="--json" in words)
        return INCONCLUSIVE if isinstance(error, Inconclusive) else REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else REFUSED
    return 0


def hyphened(word: str) -> str:
    """Both spellings of an option are one.

    >>> hyphened("--dataset_version=split_1")
    '--dataset-version=split_1'
    """
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))
