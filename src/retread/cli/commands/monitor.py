"""`retread monitor`: drift and performance of the production version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, checked_project, workspace
from retread.cli.output import ALARM_STANDS, PART_FAILED, emit, errors
from retread.cli.times import shown_time
from retread.core import format_metric

if TYPE_CHECKING:
    from rich.console import Group

    from retread.monitoring import MonitorReport

HtmlFile = Annotated[
    Path | None, typer.Option("--html", help="Also write the report to this file, as an HTML page.")
]
_STREAMS_SHOWN = 15


def register(app: typer.Typer) -> None:
    monitor = typer.Typer(help="Drift and performance of the production version.")
    monitor.command("report")(report)
    monitor.command("check")(check)
    app.add_typer(monitor, name="monitor")


def report(html: HtmlFile = None, project: ProjectPath = HERE, json: Json = False) -> None:
    """Show drift per stream, performance on labelled predictions, and past alarms."""
    from retread.monitoring.report import render_page

    found = _look(project, json=json)
    if html is not None:
        zone = checked_project(project).settings.project.zone
        html.write_text(render_page(found, zone), encoding="utf-8")
    emit(found, as_json=json, text=_text(found))


def check(project: ProjectPath = HERE, json: Json = False) -> None:
    """Check for alarms now: exit with 4 if one stands, with 5 if the monitor fails.

    It fails if it cannot look at the traffic now, or could not when the loop did.
    """
    found = _look(project, json=json)
    drifted = [stream.name for stream in found.streams if stream.drifted]
    degraded = found.performance is not None and found.performance.degraded
    emit(
        {"alarm": found.alarm, "version": found.version, "drifted": drifted, "degraded": degraded},
        as_json=json,
        text="There is an alarm." if found.alarm else "No alarm.",
    )
    if found.alarm:
        causes = [f"drift in {', '.join(drifted)}"] if drifted else []
        causes += ["degraded performance"] if degraded else []
        errors.print(f"Version {found.version}: {' and '.join(causes)}.")
        raise typer.Exit(ALARM_STANDS)


def _look(project: Path, *, json: bool) -> MonitorReport:
    """Return the report; say why there is none, and exit, if the monitor cannot look."""
    from retread.app.overview import FailedPart, look_at_traffic

    found = look_at_traffic(workspace(project))
    if isinstance(found, FailedPart):
        emit({"failed": found}, as_json=json, text="The monitor has failed.")
        errors.print(f"{found.part} failed: {found.problem}")
        raise typer.Exit(PART_FAILED)
    return found


def _text(found: MonitorReport) -> Group | str:
    from rich.console import Group
    from rich.text import Text

    from retread.cli.listing import Listing, ListingColumn

    if not found.version:
        return "No version is in production yet, so there is nothing to monitor."
    streams = Listing("", ListingColumn("stream", wrap=True), "evidence", "effect", "")
    for stream in found.streams[:_STREAMS_SHOWN]:
        drifted = "DRIFT" if stream.drifted else ""
        streams.add(stream.name, f"{stream.evidence:.1f}", f"{stream.effect:.2f}", drifted)
    head = (
        f"Version {found.version}: {found.requests} requests in {found.windows} windows, "
        f"{found.waiting} more waiting. An alarm needs evidence of {found.evidence_needed:.1f} "
        f"and an effect of {found.effect_needed:.2f}."
    )
    past = [f"{shown_time(alarm.at)} {alarm.kind}: {alarm.description}" for alarm in found.past]
    return Group(*map(Text, (head,)), streams, *map(Text, (_performance_line(found), *past)))


def _performance_line(found: MonitorReport) -> str:
    performance = found.performance
    if performance is None:
        return "Performance is not monitored: the bundle has no evaluation to compare with."
    observed = "unknown" if performance.observed is None else format_metric(performance.observed)
    line = (
        f"{performance.metric}: {observed} on the latest of {performance.labels} labelled "
        f"predictions, {format_metric(performance.expected)} expected."
    )
    if performance.missed:
        noun = "label" if performance.missed == 1 else "labels"
        line += f" {performance.missed} {noun} matched no recent prediction."
    if performance.estimated_accuracy is not None:
        line += f" Accuracy estimated from confidence: {performance.estimated_accuracy:.3f}."
    return line + (" DEGRADED" if performance.degraded else "")
