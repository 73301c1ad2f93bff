"""The story: lines with their time, told and kept."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from retread.core import ManualClock
from retread.demos.story import Line, Story, Tone
from retread.demos.tellers import PROGRESS_EVERY_S, PlainTeller, TerminalTeller

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_lines_carry_the_time_since_the_beginning() -> None:
    clock = ManualClock(START)
    stream = io.StringIO()
    story = Story(clock, PlainTeller(stream, clock))
    story.act("1  The data")
    clock.advance(timedelta(seconds=75))
    story.say("Production is now version 2.", Tone.GOOD)
    story.progress("too soon for a pipe")
    clock.advance(timedelta(seconds=PROGRESS_EVERY_S))
    story.progress("epoch 3/12")
    story.progress("too soon again")
    assert [line.at_s for line in story.lines] == [0.0, 75.0]
    assert story.seconds == 75.0 + PROGRESS_EVERY_S
    assert story.began == START
    assert stream.getvalue() == (
        "\n1  The data\n 1:15  \N{CHECK MARK} Production is now version 2.\n         epoch 3/12\n"
    )


def test_a_terminal_shows_text_as_it_is_and_what_is_being_done() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    with TerminalTeller(console) as teller:
        teller.progress("cnn: epoch 3/12 [not markup]")
        teller.tell(Line(at_s=1, tone=Tone.ALARM, text="brightness [bold]moved[/bold]"))
    told = stream.getvalue()
    assert "! brightness [bold]moved[/bold]" in told
    assert "epoch 3/12 [not markup]" in told
