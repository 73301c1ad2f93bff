"""`retread train`: one run or a scenario."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

import retread
from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit, errors
from retread.core import InvalidInput, new_id

if TYPE_CHECKING:
    from retread.app import Workspace
    from retread.training import TrainingOutcome, TrainingRequest


class TrainedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run and the model version it became; None if it did not."""

    outcome: TrainingOutcome
    version: int | None


def _built_in() -> str:
    # Read from the folders: importing the training package would slow down every command.
    folder = Path(retread.__path__[0]) / "training" / "model_types"
    names = {m.name for f in folder.iterdir() if f.is_dir() for m in iter_modules([str(f)])}
    return ", ".join(sorted(names))


def register(app: typer.Typer) -> None:
    app.command("train")(train)


def train(
    dataset: Annotated[str, typer.Option(help="Dataset; [data] dataset if left out.")] = "",
    dataset_version: Annotated[str, typer.Option(metavar="N|latest")] = "latest",
    model_type: Annotated[
        str | None, typer.Option(help=f"{_built_in()}, or package.module:function.")
    ] = None,
    optimizer_type: Annotated[str | None, typer.Option(metavar="adam|sgd|adamw")] = None,
    epochs: Annotated[int | None, typer.Option(help="Most epochs.")] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    batch_size: Annotated[int | None, typer.Option()] = None,
    sample: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of the training split, over 0.")
    ] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    scenario: Annotated[
        str | None, typer.Option(help="A [training.scenarios.NAME]; '' for a single run.")
    ] = None,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Train a model, or a scenario of several; those that meet the threshold are registered."""
    from retread.bundle import Cause
    from retread.training import Overrides, plan_runs

    work = workspace(project)
    overrides = Overrides(
        scenario=scenario,
        model_type=model_type,
        optimizer_type=optimizer_type,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        sample=sample,
        seed=seed,
    )
    name = dataset or work.settings.data.dataset
    version = work.datasets.version(name, version_number(dataset_version))
    key = new_id("train")
    requests = plan_runs(work.settings, overrides, Cause(detail="retread train"), version, key)
    runs = tuple(train_one(work, request, quiet=json) for request in requests)
    emit({"runs": runs}, as_json=json, text="\n".join(told(run) for run in runs))
    if all(run.version is None for run in runs):
        errors.print("No model was registered: no run met the threshold.", style="red")
        raise typer.Exit(1)


def version_number(text: str) -> int | None:
    """None stands for the latest released version.

    >>> (version_number("3"), version_number("latest"))
    (3, None)
    """
    if text == "latest":
        return None
    if re.fullmatch(r"[1-9][0-9]{0,17}", text) is None:
        raise InvalidInput(
            f"{text!r} is not a dataset version.",
            "Give a number from `retread data list`, or latest.",
        )
    return int(text)


def train_one(work: Workspace, request: TrainingRequest, *, quiet: bool) -> TrainedRun:
    """Train, and register what met the threshold."""
    from retread.cli.epochs import epochs_shown

    with epochs_shown(request, quiet=quiet) as show:
        outcome = work.compute.train(request, show)
    if not outcome.bundle:
        return TrainedRun(outcome=outcome, version=None)
    registered = work.registry.register(outcome.bundle, run_id=outcome.run_id)
    return TrainedRun(outcome=outcome, version=registered.version)


def told(run: TrainedRun) -> str:
    """What became of a run, in two lines."""
    outcome = run.outcome
    figures = ", ".join(f"{name} {value:.4g}" for name, value in outcome.metrics.items())
    epochs = "1 epoch" if outcome.epochs == 1 else f"{outcome.epochs} epochs"
    head = f"{outcome.model_type}, run {outcome.run_id}: {epochs} in {outcome.seconds:.1f} s"
    end = f"Registered as version {run.version}."
    if run.version is None:
        end = f"Not registered. {outcome.reason}"
    return f"{head}\n  validation: {figures}\n  {end}"
