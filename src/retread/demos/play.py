"""Choosing a demo, a folder and a teller, and playing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from rich.console import Console

from retread.core import Clock, InvalidInput, NotFound, SystemClock, UnknownOption
from retread.demos.story import Story
from retread.demos.summary import Summary
from retread.demos.tellers import PlainTeller, TerminalTeller
from retread.demos.template import fresh_folder

Play = Callable[[Path, Story], Summary]

NAMES = ("tires", "iris", "bikes")


def play_demo(
    name: str, data: Path | None, folder: Path | None, seed: int, stream: TextIO
) -> Summary:
    """Play the demo `name` in `folder` (new, or empty), telling it on `stream`.

    Raises UnknownOption, NotFound and InvalidInput before anything is made.
    """
    play = _chosen(name, data, seed)
    place = (folder or fresh_folder(Path.cwd(), f"demo-{name}")).resolve()
    clock = SystemClock()
    with _teller(stream, clock) as teller:
        story = Story(clock, teller)
        story.say(f"A new project in {place}, from the template {name}.")
        return play(place, story)


def _chosen(name: str, data: Path | None, seed: int) -> Play:
    """The demo with everything but its folder and its story; its libraries load only now."""
    if name not in NAMES:
        raise UnknownOption("demo", name, NAMES)
    if data is not None and not data.exists():
        raise NotFound(f"There is no file or folder {data}.", "Check --data.")
    if name == "tires":
        from retread.demos.tires import demo as tires

        return lambda place, story: tires.play(place, data, seed, story, tires.Sizes())
    if name == "iris":
        from retread.demos.iris import demo as iris

        if data is not None:
            raise InvalidInput("The iris demo brings its own flowers.", "Leave out --data.")
        return lambda place, story: iris.play(place, seed, story)
    from retread.demos.bikes import demo as bikes

    if data is None:
        raise InvalidInput(
            "The bikes demo needs the hourly rentals.",
            "Say where they are: retread demo bikes --data hour.csv (UCI dataset 275).",
        )
    return lambda place, story: bikes.play(place, data, seed, story)


def _teller(stream: TextIO, clock: Clock) -> PlainTeller | TerminalTeller:
    if stream.isatty():
        return TerminalTeller(Console(file=stream, highlight=False))
    return PlainTeller(stream, clock)
