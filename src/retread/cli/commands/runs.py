"""`retread runs`: training runs in MLflow."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.listing import Listing, ListingColumn
from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit
from retread.cli.times import shown_time
from retread.core import format_metric, metric_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retread.training.tracking import Difference, MlflowRuns, RunSummary

RunId = Annotated[str, typer.Argument(metavar="ID", help="Run id, or its first characters.")]

_SHORT = 8


def register(app: typer.Typer) -> None:
    runs = typer.Typer(help="Training runs, as tracked in MLflow.", no_args_is_help=True)
    runs.command("list")(list_runs)
    runs.command("show")(show)
    runs.command("compare")(compare)
    app.add_typer(runs, name="runs")


def list_runs(project: ProjectPath = HERE, json: Json = False) -> None:
    """List the latest runs with the gate's metric."""
    from retread.training.tracking import MlflowRuns

    work = workspace(project)
    runs = MlflowRuns(work.project).latest()
    nothing = "There are no runs yet. Start one with: retread train"
    metric = work.settings.gate.metric
    emit(runs, as_json=json, text=_table(runs, metric) if runs else nothing)


def show(run_id: RunId, project: ProjectPath = HERE, json: Json = False) -> None:
    """Show a run's parameters and its metrics per epoch."""
    runs = _runs(project)
    run = runs.run(run_id)
    history = runs.history(run.run_id)
    emit({"run": run, "history": history}, as_json=json, text=_run_text(run, history))


def compare(left: RunId, right: RunId, project: ProjectPath = HERE, json: Json = False) -> None:
    """Show the differences between two runs."""
    from retread.training.tracking import differences

    runs = _runs(project)
    pair = runs.run(left), runs.run(right)
    found = differences(*pair)
    emit(
        {"left": pair[0].run_id, "right": pair[1].run_id, "differences": found},
        as_json=json,
        text=_differences_table(pair[0].run_id, pair[1].run_id, found),
    )


def _runs(project: ProjectPath) -> MlflowRuns:
    from retread.training.tracking import MlflowRuns

    return MlflowRuns(workspace(project).project)


def _table(runs: Sequence[RunSummary], metric: str) -> Listing:
    """List runs with their loss and the gate's metric on the validation split."""
    names = list(dict.fromkeys([metric_named(metric).name, "Loss"]))
    metrics = (ListingColumn(name, drop=2 if name == "Loss" else 0) for name in names)
    table = Listing(
        "Metrics are of the validation split.",
        "run",
        "model type",
        "status",
        ListingColumn("started", drop=1),
        *metrics,
        ListingColumn("bundle", drop=3),
    )
    for run in runs:
        found = (run.metrics.get(f"kept_{name}") for name in names)
        kind = run.parameters.get("model_type", "(scenario)")
        bundle = run.bundle.removeprefix("sha256:")[:_SHORT]
        table.add(
            run.run_id[:_SHORT],
            kind,
            run.status.lower(),
            shown_time(datetime.fromisoformat(run.started_at)),
            *("" if value is None else format_metric(value) for value in found),
            bundle,
        )
    return table


def _run_text(run: RunSummary, history: dict[str, list[tuple[int, float]]]) -> str:
    lines = [f"{run.run_id} {run.name}: {run.status}, started {run.started_at}"]
    if run.bundle:
        lines.append(f"bundle {run.bundle}")
    if run.reason:
        lines.append(run.reason)
    lines += [f"  {name} = {value}" for name, value in sorted(run.parameters.items())]
    for name, values in history.items():
        per_epoch = " ".join(format_metric(value) for _, value in values)
        lines.append(f"  {name}: {per_epoch}")
    return "\n".join(lines)


def _differences_table(left: str, right: str, found: Sequence[Difference]) -> Listing | str:
    if not found:
        return "The two runs have the same parameters and metrics."
    table = Listing(
        "", "", ListingColumn(left[:_SHORT], wrap=True), ListingColumn(right[:_SHORT], wrap=True)
    )
    for difference in found:
        table.add(difference.name, _value(difference.left), _value(difference.right))
    return table


def _value(value: str | float | None) -> str:
    if value is None:
        return "-"
    return format_metric(value) if isinstance(value, float) else value
