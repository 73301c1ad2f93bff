"""The summary as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from retread.demos.summary import Goal, Measured, Moment, Summary, VersionRow

_SHOWN_MESSAGES = 12
_SHOWN_METRICS = ("Accuracy", "F1", "MAE", "R2")


def shown(summary: Summary) -> Group:
    """Headline, what had to happen, what happened, versions, before and after, what to do next."""
    parts: list[RenderableType] = ["", Rule(_headline(summary), align="left"), ""]
    parts += [_block("What had to happen", _goals(summary.goals))]
    parts += [_block("What happened, and why", _moments(summary.moments))]
    parts += [_block("Model versions (figures on their frozen evaluation split)",
                     _versions(summary.versions, summary.caveat))]  # fmt: skip
    if summary.measured:
        parts += [_block(f"{summary.metric} on the traffic itself", _measured(summary.measured))]
    if summary.figures:
        parts += [_block("In figures", _figures(summary.figures))]
    if summary.messages:
        parts += [_lines("What Slack got", _messages(summary.messages))]
    brings_up = (
        summary.up,
        "brings the project up again, its loop too, on the ports of its settings; then:",
    )
    parts += [_lines("Links to open", _commands((brings_up, *summary.links)))]
    parts += [_lines("Look further", _commands(summary.commands))]
    return Group(*parts)


def _headline(summary: Summary) -> Text:
    minutes, seconds = divmod(round(summary.seconds), 60)
    took = f"in {minutes} min {seconds} s" if minutes else f"in {seconds} s"
    if summary.closed:
        return Text(f"{summary.demo}: the loop closed {took}", "bold green")
    return Text(f"{summary.demo}: the loop did NOT close; it ended after {took[3:]}", "bold red")


def _block(title: str, content: RenderableType) -> Group:
    return Group(Text(title, "bold"), Padding(content, (0, 0, 1, 2)))


def _lines(title: str, content: Text) -> Group:
    """Whole lines: padding would cut off what is longer than the terminal is wide."""
    return Group(Text(title, "bold"), content, "")


def _goals(goals: Iterable[Goal]) -> Table:
    table = _grid(3)
    for goal in goals:
        mark = Text("\N{CHECK MARK}", "green") if goal.reached else Text("\N{BALLOT X}", "bold red")
        table.add_row(mark, Text(goal.what), Text(goal.detail, "dim"))
    return table


def _moments(moments: Iterable[Moment]) -> Table:
    table = _grid(2)
    for moment in moments:
        table.add_row(Text(moment.when, "dim"), Text(moment.what))
    return table


def _versions(rows: Iterable[VersionRow], caveat: str) -> RenderableType:
    table = _with_header("version", "model", "data", "stage", "because of", "figures")
    for row in rows:
        shown_metrics = [f"{n} {row.metrics[n]:.3g}" for n in _SHOWN_METRICS if n in row.metrics]
        style = "bold" if row.stage == "Production" else ""
        cells = (str(row.version), row.model_type, row.data, row.stage, row.cause)
        table.add_row(*cells, ", ".join(shown_metrics), style=style)
    if not caveat:
        return table
    # A table's cell is wrapped, whatever the rest of the output does with long lines.
    below = _grid(1)
    below.add_row(Text(caveat, "dim"))
    return Group(table, "", below)


def _measured(rows: Iterable[Measured]) -> Table:
    rows = tuple(rows)
    columns = tuple(dict.fromkeys(row.who for row in rows))
    cells = {(row.traffic, row.who): f"{row.mean:.3g}  ({row.answers})" for row in rows}
    table = _with_header("traffic", *columns)
    for traffic in dict.fromkeys(row.traffic for row in rows):
        table.add_row(traffic, *(cells.get((traffic, who), "-") for who in columns))
    return table


def _figures(figures: dict[str, float]) -> Table:
    table = _grid(2)
    for name, value in figures.items():
        table.add_row(Text(name), Text(f"{value:.4g}"))
    return table


def _messages(messages: Sequence[str]) -> Text:
    more = len(messages) - _SHOWN_MESSAGES
    shown_messages = (*messages[:_SHOWN_MESSAGES], *([f"... and {more} more"] if more > 0 else ()))
    return Text("\n".join(f"  {message}" for message in shown_messages), "dim")


def _commands(commands: Iterable[tuple[str, str]]) -> Text:
    """A command that is cut or wrapped cannot be copied, so this is no table."""
    text = Text()
    for command, purpose in commands:
        text.append(f"  {command}", "cyan").append(f"\n      {purpose}\n", "dim")
    text.rstrip()
    return text


def _grid(columns: int) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(columns):
        table.add_column()
    return table


def _with_header(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for title in titles:
        table.add_column(title)
    return table
