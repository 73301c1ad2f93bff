"""A system for tests: the real ledger, promoter and outbox; fake data, runs, gate and traffic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tests.loop.in_memory_steps import InMemorySteps

from retread.bundle import Cause, CauseKind
from retread.core import (
    CheckResult,
    Conflict,
    Database,
    ManualClock,
    Outcome,
    Verdict,
    combine,
    digest_bytes,
)
from retread.core.quarantine import VersionState
from retread.data.version import DatasetVersion, Schema, Split
from retread.loop.canary import ComparedVersions, PairedEvidence, no_evidence
from retread.loop.canary.evidence import add_answers, add_losses
from retread.loop.messages import MessageContext
from retread.loop.notifications import enqueue_notifications
from retread.loop.outbox import Outbox
from retread.loop.ports import LoopPorts
from retread.loop.trigger_evaluation import submit
from retread.loop.trigger_interface import Proposal
from retread.loop.wait_point import WaitPoint, WaitReason
from retread.notify import Message
from retread.project import Settings
from retread.registry import (
    ModelVersion,
    Promoter,
    RegistryState,
    SqlLedger,
    SqlServerDirectory,
    fold,
)
from retread.registry.events import (
    Event,
    GateJudged,
    GateOverridden,
    TriggerReceived,
    VersionRegistered,
)
from retread.registry.ledger import Entry
from retread.serving.traffic import Cursor
from retread.training.request import TrainingOutcome, TrainingRequest

Kind = TypeVar("Kind", bound=Event)

START = datetime(2026, 11, 1, tzinfo=UTC)


def dataset_version(
    number: int, source: str = "folder", state: VersionState = VersionState.RELEASED
) -> DatasetVersion:
    return DatasetVersion(
        dataset="tires",
        number=number,
        digest=digest_bytes(f"data {number}".encode()),
        evaluation_digest=digest_bytes(b"evaluation"),
        state=state,
        schema=Schema(columns=(), labels=("bad", "good")),
        rows=10,
        splits={Split.TRAIN: 10},
        labels={"bad": 5, "good": 5},
        profile={},
        checks=(CheckResult(check="labels", outcome=Outcome.FAIL, reason="one label only"),)
        if state is VersionState.QUARANTINED
        else (),
        source=source,
        note="",
        created_at=START,
    )


@dataclass
class FakeData:
    """Versions in memory; `labels` is the number of labelled requests not in the data yet."""

    versions: list[DatasetVersion] = field(default_factory=lambda: [dataset_version(1)])
    labels: int = 0
    source: str | None = None
    collected_state: VersionState = VersionState.RELEASED
    conflicts: int = 0

    def latest(self) -> DatasetVersion:
        return [v for v in self.versions if v.state is VersionState.RELEASED][-1]

    def labelled(self) -> int:
        return self.labels

    def collect(self, source: str, at_least: int) -> DatasetVersion | None:
        for version in self.versions:
            if version.source == source:
                return version
        if self.labels < at_least:
            return None
        self._check()
        self.labels = 0
        made = dataset_version(len(self.versions) + 1, source, self.collected_state)
        self.versions.append(made)
        return made

    def fingerprint(self) -> str | None:
        return self.source

    def add_source(self) -> DatasetVersion:
        self._check()
        self.versions.append(dataset_version(len(self.versions) + 1))
        return self.versions[-1]

    def _check(self) -> None:
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("Another version was committed first.")


@dataclass
class FakeTraining:
    """Runs with the validation accuracy `scores`; one below `threshold` leaves no bundle."""

    scores: dict[str, float] = field(default_factory=lambda: {"cnn": 0.8, "resnet18": 0.9})
    threshold: float = 0.6
    done: dict[str, TrainingOutcome] = field(default_factory=dict)
    starts: int = 0
    breaks: Exception | None = None
    stopped: dict[str, str] = field(default_factory=dict)

    def plan(self, trigger: TriggerReceived, version: DatasetVersion) -> Sequence[TrainingRequest]:
        types = [trigger.model_type] if trigger.model_type else list(self.scores)
        return [
            TrainingRequest(
                key=f"{trigger.trigger}/{number}",
                dataset=version.dataset,
                dataset_version=version.number,
                model_type=name,
                optimizer_type="adam",
                epochs=1,
                learning_rate=0.1,
                batch_size=1,
                sample=1.0,
                seed=0,
                cause=trigger.cause,
            )
            for number, name in enumerate(types, start=1)
        ]

    def train(self, requests: Sequence[TrainingRequest]) -> Sequence[TrainingOutcome]:
        if self.breaks:
            raise self.breaks
        return [self._trained(request) for request in requests]

    def _trained(self, request: TrainingRequest) -> TrainingOutcome:
        if request.model_type in self.stopped:
            return stopped(request, self.stopped[request.model_type])
        if request.key not in self.done:
            self.starts += 1
            score = self.scores[request.model_type]
            kept = score >= self.threshold
            self.done[request.key] = TrainingOutcome(
                key=request.key,
                run_id=f"run-{request.key}",
                model_type=request.model_type,
                metrics={"Accuracy": score},
                epochs=1,
                seconds=1.0,
                bundle=digest_bytes(request.key.encode()) if kept else "",
                reason="" if kept else f"Accuracy {score} is below {self.threshold}",
            )
        return self.done[request.key]


def stopped(request: TrainingRequest, reason: str) -> TrainingOutcome:
    """Return the outcome of a run that was stopped."""
    return TrainingOutcome(
        key=request.key,
        run_id="",
        model_type=request.model_type,
        metrics={},
        epochs=0,
        seconds=0.0,
        bundle="",
        reason=reason,
    )


class FakeRegistry:
    """Registers the bundles of fake runs, in the real ledger."""

    def __init__(self, ledger: SqlLedger, training: FakeTraining) -> None:
        self._ledger = ledger
        self._training = training

    def state(self) -> RegistryState:
        return fold(self._ledger.read())

    def register(self, bundle: str, run_id: str, /) -> ModelVersion:
        outcome = next(o for o in self._training.done.values() if o.bundle == bundle)
        trigger = outcome.key.partition("/")[0]

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            state = fold(entries)
            if any(v.bundle == bundle for v in state.versions.values()):
                return ()
            return (
                VersionRegistered(
                    version=len(state.versions) + 1,
                    bundle=bundle,
                    run_id=run_id,
                    model_type=outcome.model_type,
                    dataset="tires",
                    dataset_version=1,
                    validation=outcome.metrics,
                    metrics=outcome.metrics,
                    cause=Cause(kind=CauseKind.DRIFT, trigger=trigger),
                ),
            )

        self._ledger.transact(decide)
        return next(v for v in self.state().versions.values() if v.bundle == bundle)

    def override(self, version: int, reason: str, /) -> None:
        self._ledger.append(GateOverridden(version=version, reason=reason))


class FakeGate:
    """Judges every version by `outcome`."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger
        self.outcome = Outcome.PASS

    def __call__(self, version: int) -> Verdict:
        check = CheckResult(check="metric", outcome=self.outcome, reason="Accuracy 0.9, 0.6 needed")
        verdict = combine([check])
        self._ledger.append(
            GateJudged(
                version=version,
                production=fold(self._ledger.read()).production,
                evaluation_digest="sha256:0",
                verdict=verdict,
            )
        )
        return verdict


@dataclass
class FakeCanary:
    """Each read finds `batch` paired, labelled requests; the canary is wrong on a share `worse`."""

    settings: Settings
    batch: int = 100
    worse: float = 0.0
    left: int = 10_000
    breaks: Exception | None = None
    traffic: int = 0

    def end_of_traffic(self) -> Cursor:
        self.traffic += 1
        return Cursor("segment", self.traffic)

    def begin(self, version: int, production: int, start: Cursor) -> PairedEvidence:
        return no_evidence(self.settings.canary, self._compared(version, production), start)

    def gather(self, evidence: PairedEvidence, version: int, production: int) -> PairedEvidence:
        if self.breaks:
            raise self.breaks
        count = min(self.batch, self.left)
        self.left -= count
        if not count:
            return evidence
        wrong = [index < self.worse * count for index in range(count)]
        settings = self.settings.canary
        evidence = add_answers(
            evidence,
            failed=[False] * count,
            ratios=[1.0] * count,
            disagree=[False] * count,
            settings=settings,
        )
        losses = [(float(one), 0.0) for one in wrong]
        return add_losses(evidence, losses, self._compared(version, production), settings)

    def _compared(self, version: int, production: int) -> ComparedVersions:
        return ComparedVersions(canary=version, production=production, labels=("bad", "good"))


class InstantWaitPoint(WaitPoint):
    """Waits by advancing the clock, so that nothing sleeps."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock
        self.pauses: list[WaitReason] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def pause(self, read: int, reason: WaitReason, seconds: float) -> None:
        self.pauses.append(reason)
        self.meanwhile()
        self._clock.advance(timedelta(seconds=60 * seconds))


@dataclass
class FakeSystem:
    """One project, with fakes for what takes long."""

    database: Database
    clock: ManualClock
    settings: Settings
    ledger: SqlLedger
    outbox: Outbox
    data: FakeData
    training: FakeTraining
    registry: FakeRegistry
    servers: SqlServerDirectory
    promoter: Promoter
    gate: FakeGate
    canary: FakeCanary
    wait_point: InstantWaitPoint
    ids: Iterator[int]

    @property
    def ports(self) -> LoopPorts:
        return LoopPorts(
            settings=self.settings,
            clock=self.clock,
            ledger=self.ledger,
            outbox=self.outbox,
            message_context=MessageContext(
                project=self.settings.project.name,
                control="http://127.0.0.1:5002",
            ),
            data=self.data,
            training=self.training,
            registry=self.registry,
            promoter=self.promoter,
            judge=self.gate,
            canary=self.canary,
            wait_point=self.wait_point,
            model_types=lambda: ("cnn", "resnet18"),
        )

    @property
    def state(self) -> RegistryState:
        return self.registry.state()

    def request(
        self,
        kind: CauseKind = CauseKind.MANUAL,
        *,
        candidate: int | None = None,
        force_reason: str | None = None,
    ) -> str:
        """Have a trigger accepted, after the cooldown, and return its id."""
        self.clock.advance(timedelta(seconds=self.settings.triggers.cooldown_s))
        proposal = Proposal(
            kind=kind,
            key=f"key-{next(self.ids)}",
            detail="why",
            candidate=candidate,
            force_reason=force_reason,
            user_requested=kind is CauseKind.MANUAL,
        )
        request = submit(
            self.ledger,
            proposal,
            self.settings.triggers,
            self.clock,
            lambda: f"trg_{next(self.ids)}",
        )
        assert request.accepted, request.reason
        return request.trigger

    def events(self, kind: type[Kind]) -> list[Kind]:
        return [entry.event for entry in self.ledger.read() if isinstance(entry.event, kind)]

    def new_titles(self) -> list[str]:
        """Return the titles of the messages since the last call, those about events last."""
        return [message.title for message in self.new_messages()]

    def new_messages(self) -> list[Message]:
        enqueue_notifications(self.ports, self.ledger.read())
        found = []
        while (claimed := self.outbox.claim()) is not None:
            found.append(claimed.message)
        return found

    def end_state(self) -> object:
        """Return what must be equal no matter how often the process was killed."""
        state = self.state
        return (
            {n: v.stage for n, v in state.versions.items()},
            {slot: (held.version, held.share) for slot, held in state.slots.items()},
            [(v.number, v.source) for v in self.data.versions],
            sorted(self.training.done),
            self.training.starts,
            [type(entry.event).__name__ for entry in self.ledger.read() if not _may_repeat(entry)],
            sorted(self.new_titles()),
        )


def _may_repeat(entry: Entry) -> bool:
    """A slot may be assigned the same version again, under a later generation."""
    return type(entry.event).__name__ in {"SlotAssigned", "SlotCleared"}


MakeSystem = Callable[..., FakeSystem]
MakeSteps = Callable[[], InMemorySteps]
