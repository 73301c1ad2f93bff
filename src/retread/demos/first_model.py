"""Take a demo from its data to the first model in production, as a user would."""

from __future__ import annotations

from retread.app.datasets import add_data, add_request
from retread.app.gate import judge_version
from retread.bundle import Cause
from retread.core import Outcome, Refused, format_metrics, metric_named, new_id
from retread.core.quarantine import VersionState
from retread.data.version import DatasetVersion
from retread.demos.environment import DemoEnvironment
from retread.demos.event_reporter import SHOWN_METRICS
from retread.demos.reporter import Level
from retread.loop.selection import best_run
from retread.training import (
    EpochFinished,
    Overrides,
    TrainingOutcome,
    plan_runs,
    train_scenario,
)


def add_dataset(demo: DemoEnvironment) -> DatasetVersion:
    """Commit the project's data as the first dataset version.

    Raises:
        Refused: The version did not pass the data checks.
    """
    settings = demo.workspace.settings
    request = add_request(
        demo.workspace,
        settings.data.dataset,
        None,
        progress=lambda what, done, of: demo.reporter.progress(f"{what} {done}/{of}"),
    )
    version = add_data(demo.workspace, request)
    demo.events.report_new()
    splits = ", ".join(f"{count} {split}" for split, count in version.splits.items())
    demo.reporter.report(
        f"{version.reference}: {version.rows:,} examples ({splits}); {_labels(version)}."
    )
    if version.state is VersionState.QUARANTINED:
        reasons = " ".join(c.reason for c in version.checks if c.outcome is not Outcome.PASS)
        raise Refused(f"{version.reference} is in quarantine: {reasons}")
    return version


def train_first(demo: DemoEnvironment, version: DatasetVersion, seed: int) -> TrainingOutcome:
    """Train every run of the project's scenario; return the best one on the validation split.

    Raises:
        Refused: No run met the threshold of early stopping.
    """
    settings = demo.workspace.settings
    cause = Cause(detail="the first model")
    requests = plan_runs(settings, Overrides(seed=seed), cause, version, new_id("train"))
    names = " and ".join(request.model_type for request in requests)
    demo.reporter.report(f"Training {names} on {version.reference}, each in its own process.")
    model_types = {request.key: request.model_type for request in requests}

    def show(epoch: EpochFinished) -> None:
        metrics = format_metrics(epoch.metrics, SHOWN_METRICS)
        demo.reporter.progress(
            f"{model_types[epoch.key]}: epoch {epoch.epoch}/{epoch.epochs}, {metrics}"
        )

    outcomes = train_scenario(
        demo.workspace.compute, requests, settings.compute.parallel_runs, show
    )
    demo.reporter.progress()
    for outcome in outcomes:
        demo.reporter.report(_outcome(outcome))
    best = best_run(outcomes, metric_named(settings.gate.metric))
    if best is None:
        raise Refused("No run met its threshold.", outcomes[0].reason)
    return best


def promote_first(demo: DemoEnvironment, outcome: TrainingOutcome) -> int:
    """Register, judge, stage and promote the model of a run; return its version."""
    workspace = demo.workspace
    number = workspace.registry.register(outcome.bundle, run_id=outcome.run_id).version
    judge_version(workspace, number)
    demo.events.report_new()
    demo.services.wait_until_ready("serving")
    workspace.promoter.stage(number, metric=workspace.settings.gate.metric)
    promoted = workspace.promoter.promote(number, reason="the first model")
    demo.events.report_new()
    servers = len(promoted.servers)
    demo.reporter.report(
        f"{servers} server{'s' if servers != 1 else ''} loaded, verified, warmed up and "
        f"acknowledged version {number} ({demo.services.address('serving')}).",
        Level.SUCCESS,
    )
    return number


def _outcome(outcome: TrainingOutcome) -> str:
    epochs = "1 epoch" if outcome.epochs == 1 else f"{outcome.epochs} epochs"
    metrics = format_metrics(outcome.metrics, SHOWN_METRICS)
    without = "" if outcome.bundle else f" It is not registered: {outcome.reason}"
    return (
        f"{outcome.model_type}: {epochs} in {outcome.seconds:.0f} s; on the validation split "
        f"{metrics}.{without}"
    )


def _labels(version: DatasetVersion) -> str:
    if not version.labels:
        return "the target is a number"
    return ", ".join(f"{count} {label}" for label, count in sorted(version.labels.items()))
