"""The report: entries with their time, shown and kept."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from retread.core import ManualClock
from retread.demos.reporter import (
    PROGRESS_EVERY_S,
    Level,
    PlainRenderer,
    ReportEntry,
    Reporter,
    TerminalRenderer,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_entries_have_the_time_since_the_start() -> None:
    clock = ManualClock(START)
    stream = io.StringIO()
    reporter = Reporter(clock, PlainRenderer(stream, clock))
    reporter.phase("1  Data")
    clock.advance(timedelta(seconds=75))
    reporter.report("Production is now version 2.", Level.SUCCESS)
    reporter.progress("too soon for a pipe")
    clock.advance(timedelta(seconds=PROGRESS_EVERY_S))
    reporter.progress("epoch 3/12")
    reporter.progress("too soon again")
    assert [entry.at_s for entry in reporter.entries] == [0.0, 75.0]
    assert reporter.seconds == 75.0 + PROGRESS_EVERY_S
    assert stream.getvalue() == (
        "\n1  Data\n 1:15  \N{CHECK MARK} Production is now version 2.\n         epoch 3/12\n"
    )


def test_a_terminal_shows_text_as_it_is_and_what_is_in_progress() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    with TerminalRenderer(console) as renderer:
        renderer.progress("cnn: epoch 3/12 [not markup]")
        renderer.show(ReportEntry(at_s=1, level=Level.ALARM, text="brightness [bold]moved[/bold]"))
    shown = stream.getvalue()
    assert "! brightness [bold]moved[/bold]" in shown
    assert "epoch 3/12 [not markup]" in shown


def test_a_terminal_wraps_long_entries_below_their_text() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=40, color_system=None)
    entry = ReportEntry(at_s=1, level=Level.INFO, text="a sentence of more than forty characters")
    TerminalRenderer(console).show(entry)
    assert stream.getvalue() == (" 0:01    a sentence of more than forty\n         characters\n")
