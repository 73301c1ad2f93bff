"""Run a demo of a classifier: data, first model, traffic, drift, retraining, results."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from retread.demos.comparison import Comparison, compare
from retread.demos.criteria import DriftOnset, false_alarms, judge_demo, true_alarms
from retread.demos.environment import DemoEnvironment, Values, demo_environment
from retread.demos.event_reporter import events_of
from retread.demos.first_model import add_dataset, promote_first, train_first
from retread.demos.lineage_report import report_lineage
from retread.demos.reporter import Level, Reporter
from retread.demos.results import DemoResults, TrafficRow, demo_results
from retread.demos.traffic import (
    BASELINE,
    DRIFTED,
    HELD_OUT,
    Sample,
    SampleSource,
    TrafficGenerator,
    TrafficScores,
)
from retread.registry.events import (
    PromotionCompleted,
    RetrainingFinished,
    RetrainingStarted,
    VersionRegistered,
)
from retread.serving.client import ServingClient


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """What is particular to one demo of a classifier.

    Attributes:
        name: The demo, and the template of its project.
        things: What the samples are, in the plural.
        change: What changes in the traffic, in a sentence.
        max_drifted: Samples after which the demo stops waiting for an alarm.
        after_retraining: Samples sent after the retraining has finished.
        label_delay: Requests after which the true label of a request is sent.
        training_pause_s: Pause between requests while a training needs the processor.
        retraining_timeout_s: How long to wait for the retraining.
        caveat: What the metrics of versions made from traffic do not show.
    """

    name: str
    things: str
    change: str
    max_drifted: int = 1500
    after_retraining: int
    label_delay: int = 20
    training_pause_s: float = 0.5
    retraining_timeout_s: float = 900.0
    caveat: str = ""


def run_labelled_demo(
    folder: Path,
    samples: SampleSource,
    settings: Values,
    config: DemoConfig,
    seed: int,
    reporter: Reporter,
) -> DemoResults:
    """Run a demo in a new project in `folder`, and return its results."""
    services = ("serving", "loop")
    with demo_environment(folder, config.name, settings, reporter, services) as demo:
        demo.services.start("serving")
        _first_model(demo, samples, seed)
        demo.services.start("loop")
        demo.services.wait_until_ready("loop")
        model = demo.workspace.settings.project.name
        with ServingClient(demo.services.address("serving"), model) as client:
            traffic = TrafficGenerator(client, seed, config.label_delay)
            onset = _baseline_traffic(demo, traffic, samples, config)
            compared = None
            if _drifted_traffic(demo, traffic, samples, config, onset):
                compared = _retraining(demo, traffic, samples, config, onset)
            traffic.finish()
        demo.events.report_new()
        report_lineage(demo, traffic.last_request_id)
        return _results(demo, traffic, config, onset, compared)


def _first_model(demo: DemoEnvironment, samples: SampleSource, seed: int) -> None:
    demo.reporter.phase("1  Data")
    demo.reporter.report(samples.write_dataset(demo.folder))
    version = add_dataset(demo)
    demo.reporter.phase("2  First model")
    promote_first(demo, train_first(demo, version, seed))


def _baseline_traffic(
    demo: DemoEnvironment, traffic: TrafficGenerator, samples: SampleSource, config: DemoConfig
) -> DriftOnset:
    """Send traffic like the first examples; return where it ends."""
    demo.reporter.phase("3  Traffic like the training data")
    count = 0
    for count, sample in enumerate(samples.baseline(), start=1):
        traffic.send(sample, BASELINE)
        demo.events.report_new()
        demo.reporter.progress(f"{count} {config.things}")
    traffic.finish()
    # The loop is another process: give it the time to process the last records.
    time.sleep(3 * demo.workspace.settings.monitoring.interval_s)
    demo.events.report_new()
    demo.reporter.progress()
    onset = DriftOnset(
        sequence=demo.events.entries[-1].sequence,
        requests=count,
        version=demo.workspace.registry.state().production,
    )
    alarms = len(false_alarms(demo.events.entries, onset))
    demo.reporter.report(
        f"{count} {config.things}, one request each; true labels followed. "
        f"{_accuracies(traffic, BASELINE)}. Alarms: {alarms or 'none'}.",
        Level.ALARM if alarms else Level.SUCCESS,
    )
    return onset


def _drifted_traffic(
    demo: DemoEnvironment,
    traffic: TrafficGenerator,
    samples: SampleSource,
    config: DemoConfig,
    onset: DriftOnset,
) -> bool:
    """Send changed traffic until the monitor raises an alarm; return whether it did."""
    demo.reporter.phase("4  The traffic changes")
    demo.reporter.report(config.change)
    for count, sample in enumerate(islice(samples.drifted(), config.max_drifted), start=1):
        traffic.send(sample, DRIFTED)
        demo.services.check()
        demo.events.report_new()
        demo.reporter.progress(f"{count} {config.things}")
        if true_alarms(demo.events.entries, onset):
            accuracies = _accuracies(traffic, DRIFTED)
            demo.reporter.report(f"Detected within {count} {config.things}. {accuracies}.")
            return True
    demo.reporter.report(f"No alarm after {config.max_drifted} {config.things}.", Level.ALARM)
    return False


def _retraining(
    demo: DemoEnvironment,
    traffic: TrafficGenerator,
    samples: SampleSource,
    config: DemoConfig,
    onset: DriftOnset,
) -> Comparison | None:
    """Send traffic until the retraining has finished; compare the old and the new version.

    As soon as the new version is registered, the traffic is of held-out samples: neither version
    can have learned from them.
    """
    demo.reporter.phase("5  Retraining")
    deadline = time.monotonic() + config.retraining_timeout_s
    drifted, held_out = samples.drifted(), samples.held_out()
    sent: list[Sample] = []
    while not events_of(demo.events.entries, RetrainingFinished):
        if time.monotonic() > deadline:
            reason = f"The retraining did not finish within {config.retraining_timeout_s:.0f} s."
            demo.reporter.report(reason, Level.ALARM)
            break
        if _is_registered(demo):
            sent.append(next(held_out))
            traffic.send(sent[-1], HELD_OUT)
        else:
            traffic.send(next(drifted), DRIFTED)
        demo.services.check()
        demo.events.report_new()
        _pause(demo, traffic, config)
    demo.reporter.progress()
    for sample in islice(held_out, config.after_retraining):
        sent.append(sample)
        traffic.send(sample, HELD_OUT)
    return _compared(demo, sent, config, onset)


def _compared(
    demo: DemoEnvironment, sent: list[Sample], config: DemoConfig, onset: DriftOnset
) -> Comparison | None:
    workspace = demo.workspace
    compared = compare(workspace.bundles, workspace.registry.state(), onset.version, sent)
    if compared is not None:
        demo.reporter.report(
            f"On {compared.samples} changed {config.things} that neither version was trained on, "
            f"version {compared.old} has an accuracy of {compared.old_accuracy:.1%}, version "
            f"{compared.new} of {compared.new_accuracy:.1%}.",
            Level.SUCCESS if compared.new_accuracy > compared.old_accuracy else Level.ALARM,
        )
    return compared


def _is_registered(demo: DemoEnvironment) -> bool:
    return len(events_of(demo.events.entries, VersionRegistered)) > 1


def _is_training(demo: DemoEnvironment) -> bool:
    started = bool(events_of(demo.events.entries, RetrainingStarted))
    return started and not _is_registered(demo)


def _pause(demo: DemoEnvironment, traffic: TrafficGenerator, config: DemoConfig) -> None:
    """Pause while the current step of the retraining needs no more traffic."""
    if len(events_of(demo.events.entries, PromotionCompleted)) > 1:
        demo.reporter.progress("the retraining is finishing")
        time.sleep(1.0)
    elif _is_training(demo):
        sent = traffic.scores.total(DRIFTED)
        demo.reporter.progress(f"training; {sent} changed {config.things} sent so far")
        time.sleep(config.training_pause_s)
    else:
        demo.reporter.progress("traffic continues")


def _accuracies(traffic: TrafficGenerator, kind: str) -> str:
    return ", ".join(
        f"Accuracy of version {version}: {traffic.scores.of(kind, version).mean:.1%}"
        for version in traffic.scores.versions()
        if traffic.scores.of(kind, version).count
    )


def _results(
    demo: DemoEnvironment,
    traffic: TrafficGenerator,
    config: DemoConfig,
    onset: DriftOnset,
    compared: Comparison | None,
) -> DemoResults:
    return demo_results(
        demo,
        name=config.name,
        criteria=judge_demo(demo.events.entries, config.things, onset, compared),
        caveat=config.caveat,
        metric="Accuracy",
        traffic=(*_traffic_rows(traffic.scores), *_held_out_rows(compared)),
        last_request_id=traffic.last_request_id,
    )


def _traffic_rows(scores: TrafficScores) -> tuple[TrafficRow, ...]:
    """Predictions as they were served; held-out samples are compared instead."""
    return tuple(
        TrafficRow(
            traffic=kind,
            model=f"version {version}",
            mean=scores.of(kind, version).mean,
            predictions=scores.of(kind, version).count,
        )
        for kind in (BASELINE, DRIFTED)
        for version in scores.versions()
        if scores.of(kind, version).count
    )


def _held_out_rows(compared: Comparison | None) -> tuple[TrafficRow, ...]:
    if compared is None:
        return ()
    accuracies = {compared.old: compared.old_accuracy, compared.new: compared.new_accuracy}
    return tuple(
        TrafficRow(
            traffic=HELD_OUT, model=f"version {version}", mean=mean, predictions=compared.samples
        )
        for version, mean in accuracies.items()
    )
