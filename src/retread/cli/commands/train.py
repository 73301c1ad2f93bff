"""`retread train`: train a model, or a scenario of several."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

import retread
from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit, errors
from retread.core import InvalidInput, Refused, format_metrics

if TYPE_CHECKING:
    from retread.app.training import TrainedRun
    from retread.app.workspace import Workspace
    from retread.training import Compute, TrainingRequest


def _built_in_model_types() -> str:
    # Read from the folders: importing the training package would slow down every command.
    folder = Path(retread.__path__[0]) / "training" / "model_types"
    names = {m.name for f in folder.iterdir() if f.is_dir() for m in iter_modules([str(f)])}
    return ", ".join(sorted(names))


DatasetVersionOption = Annotated[
    str,
    typer.Option(
        metavar="N|latest", help="Version number, or `latest` for the latest released version."
    ),
]

ModelTypeOption = Annotated[
    str | None, typer.Option(help=f"{_built_in_model_types()}, or package.module:function.")
]
OptimizerOption = Annotated[
    str | None, typer.Option(metavar="adam|sgd|adamw", help="Optimizer (neural networks only).")
]
SampleOption = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Share of the training split to use, above 0 and up to 1."),
]
FromCommit = Annotated[
    bool,
    typer.Option(
        "--from-commit",
        help="Train the model type that the text in RETREAD_COMMIT_MESSAGE names, as in "
        "'model: cnn'; that of the settings if it names none.",
    ),
]


def register(app: typer.Typer) -> None:
    app.command("train")(train)


def train(
    dataset: Annotated[str, typer.Option(help="Dataset. Default: [data] dataset.")] = "",
    dataset_version: DatasetVersionOption = "latest",
    model_type: ModelTypeOption = None,
    optimizer_type: OptimizerOption = None,
    epochs: Annotated[int | None, typer.Option(help="Maximum number of epochs.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak learning rate (neural networks only).")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Batch size (neural networks only).")
    ] = None,
    sample: SampleOption = None,
    seed: Annotated[int | None, typer.Option(help="Random seed.")] = None,
    scenario: Annotated[
        str | None,
        typer.Option(help="A scenario of [training.scenarios]. '' trains a single model."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Train even if it may take more memory than is free.")
    ] = False,
    from_commit: FromCommit = False,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Train a model, or a scenario of several.

    Runs that meet the threshold are registered as model versions. What a run will take is said
    before it starts. Ctrl-C ends the training after the current epoch and keeps the best one.
    """
    from retread.app.training import plan_training, train_and_register
    from retread.cli.progress import epoch_progress
    from retread.training import Overrides

    work = workspace(project)
    if from_commit:
        from retread.loop.triggers.commit import model_in

        model_type = model_in(os.environ.get("RETREAD_COMMIT_MESSAGE", "")) or model_type
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
    number = version_number(dataset_version)
    requests = plan_training(work, overrides, dataset or None, number, cause="retread train")
    requests = _sized(work, requests, yes=yes, quiet=json)
    with _interruptible(work.compute), epoch_progress(requests, quiet=json) as on_epoch:
        runs = train_and_register(work, requests, on_epoch)
    emit({"runs": runs}, as_json=json, text="\n".join(_run_text(run) for run in runs))
    if all(run.version is None for run in runs):
        errors.print("No version was registered: no run met the threshold.", style="red")
        raise typer.Exit(1)


@contextmanager
def _interruptible(compute: Compute) -> Iterator[None]:
    """Let Ctrl-C end the runs with their best epochs; a second one stops them at once."""

    def end(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if compute.finish_early():
            errors.print(
                "Stopping after this epoch; the best one so far is kept. Ctrl-C again stops at "
                "once and keeps nothing."
            )

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    except KeyboardInterrupt:
        errors.print(
            "Stopped; nothing of this training is kept. The data and all versions are as they "
            "were. Start it again with: retread train",
            style="red",
        )
        raise typer.Exit(1) from None
    finally:
        signal.signal(signal.SIGINT, before)


def _sized(
    work: Workspace, requests: tuple[TrainingRequest, ...], *, yes: bool, quiet: bool
) -> tuple[TrainingRequest, ...]:
    """Say what the runs will take, and ask, or refuse, if that is more than is free."""
    from retread.app.training import check_size, estimates

    found = estimates(work, requests)
    if not quiet:
        for model_type, estimate in found:
            errors.print(estimate.text(model_type), markup=False)
    if not yes:
        try:
            check_size(work, found)
        except Refused as error:
            if quiet or not sys.stdin.isatty() or not errors.is_terminal:
                raise
            errors.print(error.message, style="yellow", markup=False)
            typer.confirm("Train nevertheless?", abort=True, err=True)
            yes = True
    return tuple(msgspec.structs.replace(request, any_size=yes) for request in requests)


def version_number(text: str) -> int | None:
    """Parse a version number; None stands for the latest released version.

    Raises:
        InvalidInput: It is neither a number nor `latest`.

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


def _run_text(run: TrainedRun) -> str:
    outcome = run.outcome
    if not outcome.run_id:
        return f"{outcome.model_type}: not trained. {outcome.reason}"
    epochs = "1 epoch" if outcome.epochs == 1 else f"{outcome.epochs} epochs"
    head = f"{outcome.model_type}, run {outcome.run_id}: {epochs} in {outcome.seconds:.1f} s"
    end = f"Registered as version {run.version}."
    if run.version is None:
        end = f"Not registered. {outcome.reason}"
    notes = "".join(f"\n  {note}" for note in outcome.notes)
    return f"{head}\n  validation: {format_metrics(outcome.metrics)}{notes}\n  {end}"
