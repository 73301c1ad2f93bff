"""From data to the first model in production, as a person would do it by hand."""

from __future__ import annotations

from pathlib import Path

from retread.app.datasets import add_data, add_request
from retread.app.gate import judge_version
from retread.bundle import Cause
from retread.core import Outcome, Refused, metric_named, new_id
from retread.data.version import DatasetVersion, VersionState
from retread.demos.narrator import figures
from retread.demos.stage import Stage
from retread.demos.story import Tone
from retread.loop.selection import best_run
from retread.training import (
    EpochFinished,
    Overrides,
    TrainingOutcome,
    plan_runs,
    train_scenario,
)


def version_data(stage: Stage, source: Path | None = None) -> DatasetVersion:
    """The first dataset version: checked, split and committed; Refused if it is in quarantine."""
    settings = stage.space.settings
    request = add_request(
        stage.space,
        settings.data.dataset,
        source,
        progress=lambda what, done, of: stage.story.progress(f"{what} {done}/{of}"),
    )
    version = add_data(stage.space, request)
    stage.narrator.catch_up()
    splits = ", ".join(f"{count} {split}" for split, count in version.splits.items())
    stage.story.say(
        f"{version.reference}: {version.rows:,} examples ({splits}); {_labels(version)}."
    )
    if version.state is VersionState.QUARANTINED:
        reasons = " ".join(c.reason for c in version.checks if c.outcome is not Outcome.PASS)
        raise Refused(f"{version.reference} stays in quarantine: {reasons}")
    return version


def train(stage: Stage, version: DatasetVersion, seed: int) -> TrainingOutcome:
    """Every run of the project's scenario, side by side; the best on validation."""
    settings = stage.space.settings
    cause = Cause(detail="the first model")
    requests = plan_runs(settings, Overrides(seed=seed), cause, version, new_id("train"))
    names = ", ".join(request.model_type for request in requests)
    stage.story.say(f"Training {names} on {version.reference}, in processes of their own.")
    model_types = {request.key: request.model_type for request in requests}

    def show(epoch: EpochFinished) -> None:
        done = f"epoch {epoch.epoch}/{epoch.epochs}, {figures(epoch.metrics)}"
        stage.story.progress(f"{model_types[epoch.key]}: {done}")

    outcomes = train_scenario(stage.space.compute, requests, settings.compute.parallel_runs, show)
    stage.story.progress()
    for outcome in outcomes:
        stage.story.say(_told(outcome))
    best = best_run(outcomes, metric_named(settings.gate.metric))
    if best is None:
        raise Refused("No run met its threshold.", outcomes[0].reason)
    return best


def deploy(stage: Stage, outcome: TrainingOutcome) -> int:
    """Register, judge, stage and promote; the version that serves then."""
    space = stage.space
    number = space.registry.register(outcome.bundle, run_id=outcome.run_id).version
    judge_version(space, number)
    stage.narrator.catch_up()
    space.promoter.stage(number, metric=space.settings.gate.metric)
    promoted = space.promoter.promote(number, reason="the first model")
    stage.narrator.catch_up()
    servers = len(promoted.servers)
    stage.story.say(
        f"{servers} server{'s' if servers != 1 else ''} loaded, verified, warmed and acknowledged "
        f"version {number} ({stage.services.address('serving')}).",
        Tone.GOOD,
    )
    return number


def _told(outcome: TrainingOutcome) -> str:
    epochs = "1 epoch" if outcome.epochs == 1 else f"{outcome.epochs} epochs"
    left = "" if outcome.bundle else f" It left no bundle: {outcome.reason}"
    validation = figures(outcome.metrics)
    return (
        f"{outcome.model_type}: {epochs} in {outcome.seconds:.0f} s; validation {validation}.{left}"
    )


def _labels(version: DatasetVersion) -> str:
    if not version.labels:
        return "a number to predict"
    return ", ".join(f"{count} {label}" for label, count in sorted(version.labels.items()))
