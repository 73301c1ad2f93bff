"""Choose a demo, its folder and how it is reported, and run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console

from retread.core import Clock, InvalidInput, NotFound, SystemClock, UnknownOption
from retread.demos.environment import unused_folder
from retread.demos.reporter import PlainRenderer, Reporter, TerminalRenderer
from retread.demos.results import DemoResults
from retread.demos.results_view import save_svg

NAMES = ("tires", "iris", "bikes")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How a demo is run.

    Attributes:
        data: Photos in class folders (tires), or hour.csv (bikes); None for the demo's own data.
        folder: A new or empty folder; None for a new folder here.
        seed: The random seed.
        full: Draw and train the tires at full size, however long it takes.
        svg: Where to save the output as an image of a terminal; None to not save it.
    """

    data: Path | None = None
    folder: Path | None = None
    seed: int = 0
    full: bool = False
    svg: Path | None = None


def run_demo(name: str, options: DemoOptions, stream: TextIO) -> DemoResults:
    """Run a demo from data to its results.

    Args:
        name: One of NAMES.
        options: How to run it.
        stream: Where to report what happens.

    Raises:
        UnknownOption: There is no such demo.
        NotFound: There is no file or folder `options.data`.
        InvalidInput: The demo needs other data.
        Conflict: The folder is not empty.
    """
    run = _chosen(name, options)
    folder = (options.folder or unused_folder(Path.cwd(), f"demo-{name}")).resolve()
    clock = SystemClock()
    with _renderer(stream, clock) as renderer:
        reporter = Reporter(clock, renderer)
        reporter.report(f"A new project in {folder}, from the template {name}.")
        results = run(folder, reporter)
    if options.svg:
        save_svg(reporter.entries, results, f"retread demo {name}", options.svg)
    return results


def _chosen(name: str, options: DemoOptions) -> Callable[[Path, Reporter], DemoResults]:
    """Return the demo with its options applied; its libraries are only loaded now."""
    data, seed = options.data, options.seed
    if name not in NAMES:
        raise UnknownOption("demo", name, NAMES)
    if data is not None and not data.exists():
        raise NotFound(f"There is no file or folder {data}.", "Check --data.")
    if name == "tires":
        from retread.demos.tires import demo as tires

        return lambda folder, reporter: tires.run(folder, data, seed, reporter, full=options.full)
    if name == "iris":
        from retread.demos import iris

        if data is not None:
            raise InvalidInput("The iris demo has its own data.", "Omit --data.")
        return lambda folder, reporter: iris.run(folder, seed, reporter)
    from retread.demos.bikes import demo as bikes

    if data is None:
        raise InvalidInput(
            "The bikes demo needs a file of hourly rentals.",
            "Run: retread demo bikes --data hour.csv (UCI dataset 275)",
        )
    return lambda folder, reporter: bikes.run(folder, data, seed, reporter)


def _renderer(stream: TextIO, clock: Clock) -> PlainRenderer | TerminalRenderer:
    if stream.isatty():
        return TerminalRenderer(Console(file=stream, highlight=False))
    return PlainRenderer(stream, clock)
