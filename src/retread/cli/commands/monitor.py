"""`retread monitor`: drift and performance of the production version, now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit, errors

if TYPE_CHECKING:
    from rich.console import Group

    from retread.monitoring import MonitorReport

HtmlFile = Annotated[
    Path | None, typer.Option("--html", help="Also write the report as a page to this file.")
]
_SHOWN = 15


def register(app: typer.Typer) -> None:
    monitor = typer.Typer(help="Drift and performance of the production version.")
    monitor.command("report")(report)
    monitor.command("check")(check)
    app.add_typer(monitor, name="monitor")


def report(html: HtmlFile = None, project: ProjectPath = HERE, json: Json = False) -> None:
    """Evidence and size of drift by stream, performance by labels, alarms so far."""
    from retread.monitoring.report import render_page

    found = _report(project)
    if html is not None:
        html.write_text(render_page(found), encoding="utf-8")
    emit(found, as_json=json, text=_text(found))


def check(project: ProjectPath = HERE, json: Json = False) -> None:
    """Exit with 0 if all is quiet and with 1 if there is an alarm now."""
    found = _report(project)
    drifted = [stream.name for stream in found.streams if stream.drifted]
    degraded = found.performance is not None and found.performance.degraded
    emit(
        {"alarm": found.alarm, "version": found.version, "drifted": drifted, "degraded": degraded},
        as_json=json,
        text="There is an alarm." if found.alarm else "Quiet.",
    )
    if found.alarm:
        words = [f"drift in {', '.join(drifted)}"] if drifted else []
        words += ["performance degraded"] if degraded else []
        errors.print(f"Version {found.version}: {' and '.join(words)}.")
        raise typer.Exit(1)


def _report(project: Path) -> MonitorReport:
    return workspace(project).monitor.report()


def _text(found: MonitorReport) -> Group | str:
    from rich.console import Group
    from rich.table import Table

    if found.version is None:
        return "Nothing is in production yet, so there is nothing to watch."
    streams = Table("stream", "evidence", "effect", "")
    for stream in found.streams[:_SHOWN]:
        drifted = "DRIFT" if stream.drifted else ""
        streams.add_row(stream.name, f"{stream.evidence:.1f}", f"{stream.effect:.2f}", drifted)
    head = (
        f"Version {found.version}: {found.requests} requests in {found.windows} windows, "
        f"{found.waiting} more waiting. Alarm from evidence {found.evidence_needed:.1f} "
        f"with effect {found.effect_needed:.2f}."
    )
    past = [f"{alarm.at:%Y-%m-%d %H:%M} {alarm.kind}: {alarm.description}" for alarm in found.past]
    return Group(head, streams, _performance_line(found), *past)


def _performance_line(found: MonitorReport) -> str:
    judged = found.performance
    if judged is None:
        return "Performance is not judged: the bundle has no evaluation to compare with."
    observed = "unknown" if judged.observed is None else f"{judged.observed:.4g}"
    line = (
        f"{judged.metric}: {observed} on the latest of {judged.labels} labelled answers, "
        f"{judged.expected:.4g} expected."
    )
    if judged.missed:
        noun = "label" if judged.missed == 1 else "labels"
        line += f" {judged.missed} {noun} found no answer waiting."
    if judged.estimated_accuracy is not None:
        line += f" Accuracy estimated from confidence: {judged.estimated_accuracy:.3f}."
    return line + (" DEGRADED" if judged.degraded else "")
