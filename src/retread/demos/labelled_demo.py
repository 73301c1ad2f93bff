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
    retraining_timeout_s: float = 2700.0
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
        reporter.phase("1  Data")
        reporter.report(samples.write_dataset(folder))
        version = add_dataset(demo)
        reporter.phase("2  First model")
        promote_first(demo, train_first(demo, version, seed))
        demo.services.start("loop")
        demo.services.wait_until_ready("loop")
        model = demo.workspace.settings.project.name
        with ServingClient(demo.services.address("serving"), model) as client:
            traffic = TrafficGenerator(client, seed, config.label_delay)
            phases = _TrafficPhases(demo, traffic, samples, config)
            onset = phases.baseline()
            compared = phases.retraining(onset) if phases.drifted(onset) else None
            traffic.finish()
        demo.events.report_new()
        report_lineage(demo, traffic.last_request_id)
        return demo_results(
            demo,
            name=config.name,
            criteria=judge_demo(demo.events.entries, config.things, onset, compared),
            caveat=config.caveat,
            metric="Accuracy",
            traffic=(*_traffic_rows(traffic.scores), *_held_out_rows(compared)),
            last_request_id=traffic.last_request_id,
        )


@dataclass(frozen=True, slots=True)
class _TrafficPhases:
    """The phases of a demo in which traffic is sent."""

    demo: DemoEnvironment
    traffic: TrafficGenerator
    samples: SampleSource
    config: DemoConfig

    def baseline(self) -> DriftOnset:
        """Send traffic like the first examples; return where it ends."""
        demo, things = self.demo, self.config.things
        demo.reporter.phase("3  Traffic like the training data")
        count = 0
        for count, sample in enumerate(self.samples.baseline(), start=1):
            self._send(sample, BASELINE)
            demo.reporter.progress(f"{count} {things}")
        self.traffic.finish()
        # The loop is another process: give it the time to process the last records.
        time.sleep(3 * demo.workspace.settings.monitoring.interval_s)
        demo.events.report_new()
        demo.reporter.progress()
        production = demo.workspace.registry.state().production
        assert production is not None, "the first version was promoted"
        onset = DriftOnset(
            sequence=demo.events.entries[-1].sequence, requests=count, version=production
        )
        alarms = len(false_alarms(demo.events.entries, onset))
        demo.reporter.report(
            f"{count} {things}, one request each; true labels followed. "
            f"{self._accuracies(BASELINE)}. Alarms: {alarms or 'none'}.",
            Level.ALARM if alarms else Level.SUCCESS,
        )
        return onset

    def drifted(self, onset: DriftOnset) -> bool:
        """Send changed traffic until the monitor raises an alarm; return whether it did."""
        reporter, config = self.demo.reporter, self.config
        reporter.phase("4  The traffic changes")
        reporter.report(config.change)
        samples = islice(self.samples.drifted(), config.max_drifted)
        for count, sample in enumerate(samples, start=1):
            self._send(sample, DRIFTED)
            reporter.progress(f"{count} {config.things}")
            if true_alarms(self.demo.events.entries, onset):
                accuracies = self._accuracies(DRIFTED)
                reporter.report(f"Detected within {count} {config.things}. {accuracies}.")
                return True
        reporter.report(f"No alarm after {config.max_drifted} {config.things}.", Level.ALARM)
        return False

    def retraining(self, onset: DriftOnset) -> Comparison | None:
        """Send traffic until the retraining has finished; compare the old and the new version.

        As soon as the new version is registered, the traffic is of held-out samples: neither
        version can have learned from them.
        """
        reporter, config = self.demo.reporter, self.config
        reporter.phase("5  Retraining")
        deadline = time.monotonic() + config.retraining_timeout_s
        drifted, held_out = self.samples.drifted(), self.samples.held_out()
        sent: list[Sample] = []
        while not events_of(self.demo.events.entries, RetrainingFinished):
            if time.monotonic() > deadline:
                reason = f"The retraining did not finish in {config.retraining_timeout_s:.0f} s."
                reporter.report(reason, Level.ALARM)
                break
            if self._is_registered():
                sent.append(next(held_out))
                self._send(sent[-1], HELD_OUT)
            else:
                self._send(next(drifted), DRIFTED)
            self._pause()
        reporter.progress()
        for sample in islice(held_out, config.after_retraining):
            sent.append(sample)
            self._send(sample, HELD_OUT)
        return self._compared(sent, onset)

    def _send(self, sample: Sample, kind: str) -> None:
        self.traffic.send(sample, kind)
        self.demo.services.check()
        self.demo.events.report_new()

    def _compared(self, sent: list[Sample], onset: DriftOnset) -> Comparison | None:
        workspace = self.demo.workspace
        compared = compare(workspace.bundles, workspace.registry.state(), onset.version, sent)
        if compared is not None:
            self.demo.reporter.report(
                f"On {compared.samples} changed {self.config.things} that neither version was "
                f"trained on, version {compared.old} has an accuracy of "
                f"{compared.old_accuracy:.1%}, version {compared.new} of "
                f"{compared.new_accuracy:.1%}.",
                Level.SUCCESS if compared.new_accuracy > compared.old_accuracy else Level.ALARM,
            )
        return compared

    def _is_registered(self) -> bool:
        return len(events_of(self.demo.events.entries, VersionRegistered)) > 1

    def _pause(self) -> None:
        """Pause while the current step of the retraining needs no more traffic."""
        entries, reporter = self.demo.events.entries, self.demo.reporter
        if len(events_of(entries, PromotionCompleted)) > 1:
            reporter.progress("the retraining is finishing")
            time.sleep(1.0)
        elif events_of(entries, RetrainingStarted) and not self._is_registered():
            sent = self.traffic.scores.total(DRIFTED)
            reporter.progress(f"training; {sent} changed {self.config.things} sent so far")
            time.sleep(self.config.training_pause_s)
        else:
            reporter.progress("traffic continues")

    def _accuracies(self, kind: str) -> str:
        scores = self.traffic.scores
        return ", ".join(
            f"Accuracy of version {version}: {scores.of(kind, version).mean:.1%}"
            for version in scores.versions()
            if scores.of(kind, version).count
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
