"""A whole system in miniature: the real ledger, promoter and outbox; runs and traffic by script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

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
from retread.data.version import DatasetVersion, Schema, Split, VersionState
from retread.loop.canary import ComparedVersions, PairedEvidence, no_evidence
from retread.loop.canary.evidence import add_answers, add_losses
from retread.loop.notice import announce
from retread.loop.outbox import Outbox
from retread.loop.ports import LoopPorts
from retread.loop.proposal import Proposal
from retread.loop.sender import MessageContext
from retread.loop.submit import submit
from retread.loop.waiting import WaitPoint
from retread.notify import Message
from retread.project import Settings
from retread.registry import Promoter, RegistryState, SqlLedger, SqlServerDirectory, fold
from retread.registry.events import (
    Event,
    GateJudged,
    GateOverridden,
    Slot,
    TriggerReceived,
    VersionRegistered,
)
from retread.registry.ledger import Entry
from retread.serving.traffic import Cursor
from retread.training.request import TrainingOutcome, TrainingRequest

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
        created_at=START.isoformat(),
    )


@dataclass
class ScriptedData:
    """Versions in memory; `labels` of traffic not in the data yet."""

    versions: list[DatasetVersion] = field(default_factory=lambda: [dataset_version(1)])
    labels: int = 0
    source: str = ""
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

    def fingerprint(self) -> str:
        return self.source

    def add_source(self) -> DatasetVersion:
        self._check()
        self.versions.append(dataset_version(len(self.versions) + 1))
        return self.versions[-1]

    def _check(self) -> None:
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("Another version was first.")


@dataclass
class ScriptedTraining:
    """`scores` by model type, validation accuracy; under `threshold` no bundle is left."""

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
                reason="" if kept else f"Accuracy {score} is under {self.threshold}",
            )
        return self.done[request.key]


def stopped(request: TrainingRequest, reason: str) -> TrainingOutcome:
    """A run that did not come to its end."""
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


class ScriptedModels:
    """The real promoter; the gate says what `gate` holds."""

    def __init__(self, ledger: SqlLedger, database: Database, clock: ManualClock) -> None:
        self._ledger = ledger
        self.servers = SqlServerDirectory(database, clock)
        self.promoter = Promoter(ledger, self.servers, clock, lambda _: None)
        self.gate = Outcome.PASS

    def state(self) -> RegistryState:
        return fold(self._ledger.read())

    def register(self, outcome: TrainingOutcome) -> int:
        trigger = outcome.key.partition("/")[0]

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            state = fold(entries)
            if any(v.bundle == outcome.bundle for v in state.versions.values()):
                return ()
            return (
                VersionRegistered(
                    version=len(state.versions) + 1,
                    bundle=outcome.bundle,
                    run_id=outcome.run_id,
                    model_type=outcome.model_type,
                    dataset="tires",
                    dataset_version=1,
                    validation=outcome.metrics,
                    metrics=outcome.metrics,
                    cause=Cause(kind=CauseKind.DRIFT, trigger=trigger),
                ),
            )

        self._ledger.transact(decide)
        versions = self.state().versions.values()
        return next(v.version for v in versions if v.bundle == outcome.bundle)

    def judge(self, version: int) -> Verdict:
        check = CheckResult(check="metric", outcome=self.gate, reason="Accuracy 0.9, 0.6 needed")
        verdict = combine([check])
        self._ledger.append(
            GateJudged(
                version=version,
                production=self.state().production,
                evaluation_digest="sha256:0",
                verdict=verdict,
            )
        )
        return verdict

    def override(self, version: int, reason: str) -> None:
        self._ledger.append(GateOverridden(version=version, reason=reason))

    def stage(self, version: int) -> None:
        self.promoter.stage(version)

    def assign(self, slot: Slot, version: int, share: float, reason: str) -> None:
        self.promoter.assign(slot, version, share, reason=reason)

    def clear(self, slot: Slot, version: int, reason: str) -> None:
        self.promoter.clear(slot, holder=version, reason=reason)

    def promote(self, version: int, reason: str) -> None:
        if self.state().production != version:
            self.promoter.promote(version, reason=reason)

    def settle_overdue(self) -> None:
        self.promoter.settle_overdue()


@dataclass
class ScriptedCanary:
    """Each look brings `batch` paired, labelled requests; the canary gets `worse` of them wrong."""

    settings: Settings
    batch: int = 100
    worse: float = 0.0
    left: int = 10_000
    breaks: Exception | None = None

    def begin(self, version: int, production: int) -> PairedEvidence:
        return no_evidence(self.settings.canary, self._subject(version, production), Cursor())

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
            unlike=[False] * count,
            settings=settings,
        )
        losses = [(float(one), 0.0) for one in wrong]
        return add_losses(evidence, losses, self._subject(version, production), settings)

    def _subject(self, version: int, production: int) -> ComparedVersions:
        return ComparedVersions(canary=version, production=production, labels=("bad", "good"))


class PatientWaiting(WaitPoint):
    """Waits by moving the clock, so that nothing sleeps."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock
        self.pauses: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def pause(self, reading: int, reason: str, seconds: float) -> None:
        self.pauses.append(reason)
        self.meanwhile()
        self._clock.advance(timedelta(seconds=60 * seconds))


@dataclass
class World:
    """One project and everything that is scripted about it."""

    database: Database
    clock: ManualClock
    settings: Settings
    ledger: SqlLedger
    outbox: Outbox
    data: ScriptedData
    training: ScriptedTraining
    models: ScriptedModels
    canary: ScriptedCanary
    waiting: PatientWaiting
    ids: Iterator[int]

    @property
    def ports(self) -> LoopPorts:
        return LoopPorts(
            settings=self.settings,
            clock=self.clock,
            sender=MessageContext(
                project=self.settings.project.name,
                control="http://127.0.0.1:5002",
                tracking="http://127.0.0.1:5000",
            ),
            ledger=self.ledger,
            outbox=self.outbox,
            data=self.data,
            training=self.training,
            models=self.models,
            canary=self.canary,
            waiting=self.waiting,
            model_types=lambda: ("cnn", "resnet18"),
        )

    def ask(self, kind: CauseKind = CauseKind.MANUAL, key: str = "", **proposal: object) -> str:
        """Have the arbiter accept a trigger, when the cooldown is over; its id."""
        self.clock.advance(timedelta(seconds=self.settings.triggers.cooldown_s))
        key = key or f"key-{next(self.ids)}"
        by_hand = kind is CauseKind.MANUAL
        proposed = Proposal(kind=kind, key=key, detail="why", by_hand=by_hand, **proposal)  # type: ignore[arg-type] # fields of the test
        request = submit(
            self.ledger,
            proposed,
            self.settings.triggers,
            self.clock,
            lambda: f"trg_{next(self.ids)}",
        )
        assert request.accepted, request.reason
        return request.trigger

    def events(self, kind: type) -> list:  # type: ignore[type-arg] # whatever kind was asked for
        return [entry.event for entry in self.ledger.read() if isinstance(entry.event, kind)]

    def told(self) -> list[str]:
        """Titles of all messages that were not told before, those of the events last."""
        return [message.title for message in self.messages()]

    def messages(self) -> list[Message]:
        announce(self.ports)
        found = []
        while (letter := self.outbox.claim()) is not None:
            found.append(letter.message)
        return found

    def summary(self) -> object:
        """What must be the same however often the process died."""
        state = self.models.state()
        return (
            {n: v.stage for n, v in state.versions.items()},
            {slot: (held.version, held.share) for slot, held in state.slots.items()},
            [(v.number, v.source) for v in self.data.versions],
            sorted(self.training.done),
            self.training.starts,
            [type(entry.event).__name__ for entry in self.ledger.read() if _matters(entry)],
            sorted(self.told()),
        )


def _matters(entry: Entry) -> bool:
    # A slot may be given the same version again, under a later generation.
    return type(entry.event).__name__ not in {"SlotAssigned", "SlotCleared"}


def without_syncing(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


MakeWorld = Callable[..., World]
