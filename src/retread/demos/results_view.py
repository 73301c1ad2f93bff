"""The results of a demo, formatted for people."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from retread.core import format_metric, format_metrics
from retread.demos.criteria import Criterion
from retread.demos.event_reporter import SHOWN_METRICS
from retread.demos.reporter import ReportEntry, styled
from retread.demos.results import DemoResults, TrafficRow, VersionRow

_MAX_MESSAGES = 12
_SVG_WIDTH = 110


def results_view(results: DemoResults) -> Group:
    """Format the results: headline, criteria, versions, traffic, and what to do next."""
    parts: list[RenderableType] = ["", Rule(_headline(results), align="left"), ""]
    parts += [_block("Criteria", _criteria(results.criteria))]
    parts += [_block("Model versions (metrics on their frozen evaluation splits)",
                     _versions(results.versions))]  # fmt: skip
    if results.traffic:
        title = f"{results.metric} on traffic (number of predictions)"
        parts += [_block(title, _traffic(results.traffic, results.caveat))]
    if results.measures:
        parts += [_block("Measures", _measures(results.measures))]
    if results.messages:
        parts += [_lines("Slack messages", _messages(results.messages))]
    up = (results.up, "start all services again, then open:")
    parts += [_lines("Links", _commands((up, *results.links)))]
    parts += [_lines("Next", _commands(results.commands))]
    return Group(*parts)


def save_svg(entries: Iterable[ReportEntry], results: DemoResults, title: str, path: Path) -> None:
    """Save the report and the results as an SVG of a terminal."""
    console = Console(record=True, width=_SVG_WIDTH, file=io.StringIO(), force_terminal=True)
    for entry in entries:
        console.print(styled(entry, _SVG_WIDTH))
    console.print(results_view(results))
    console.save_svg(str(path), title=title)


def _headline(results: DemoResults) -> Text:
    minutes, seconds = divmod(round(results.seconds), 60)
    took = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    if results.closed:
        return Text(f"{results.demo}: all criteria met in {took}", "bold green")
    return Text(f"{results.demo}: NOT all criteria met; ended after {took}", "bold red")


def _block(title: str, content: RenderableType) -> Group:
    return Group(Text(title, "bold"), Padding(content, (0, 0, 1, 2)))


def _lines(title: str, content: Text) -> Group:
    """Whole lines: padding would cut off what is longer than the terminal is wide."""
    return Group(Text(title, "bold"), content, "")


def _criteria(criteria: Iterable[Criterion]) -> Table:
    table = _grid(3)
    for criterion in criteria:
        mark = Text("\N{CHECK MARK}", "green")
        if not criterion.met:
            mark = Text("\N{BALLOT X}", "bold red")
        table.add_row(mark, Text(criterion.name), Text(criterion.detail, "dim"))
    return table


def _versions(rows: Iterable[VersionRow]) -> Table:
    table = _with_header("version", "model", "data", "stage", "cause", "metrics")
    for row in rows:
        style = "bold" if row.stage == "Production" else ""
        cells = (str(row.version), row.model_type, row.data, row.stage, row.cause)
        table.add_row(*cells, format_metrics(row.metrics, SHOWN_METRICS), style=style)
    return table


def _traffic(rows: Sequence[TrafficRow], caveat: str) -> RenderableType:
    models = tuple(dict.fromkeys(row.model for row in rows))
    cells = {
        (row.traffic, row.model): f"{format_metric(row.mean)}  ({row.predictions})" for row in rows
    }
    table = _with_header("traffic", *models)
    for traffic in dict.fromkeys(row.traffic for row in rows):
        table.add_row(traffic, *(cells.get((traffic, model), "-") for model in models))
    if not caveat:
        return table
    # A table's cell is wrapped, whatever the rest of the output does with long lines.
    below = _grid(1)
    below.add_row(Text(caveat, "dim"))
    return Group(table, "", below)


def _measures(measures: dict[str, float]) -> Table:
    table = _grid(2)
    for name, value in measures.items():
        table.add_row(Text(name), Text(format_metric(value)))
    return table


def _messages(messages: Sequence[str]) -> Text:
    more = len(messages) - _MAX_MESSAGES
    lines = (*messages[:_MAX_MESSAGES], *([f"... and {more} more"] if more > 0 else ()))
    return Text("\n".join(f"  {line}" for line in lines), "dim")


def _commands(commands: Iterable[tuple[str, str]]) -> Text:
    """A command that is cut or wrapped cannot be copied, so this is not a table."""
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
