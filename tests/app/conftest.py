from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retread.app.supervisor import take_down
from retread.bundle import Cause, CauseKind
from retread.core import CheckResult, Outcome, combine
from retread.core.quarantine import VersionState
from retread.project import LoadedProject, open_project
from retread.registry.events import (
    CanaryStarted,
    DatasetVersionAdded,
    DegradationDetected,
    DriftDetected,
    Event,
    GateJudged,
    PromotionCompleted,
    RetrainingStarted,
    Slot,
    SlotAssigned,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
    VersionRegistered,
)

BUNDLE = "sha256:" + "a" * 64
NEXT_BUNDLE = "sha256:" + "b" * 64
MARKUP = "<script>alert('x')</script>"

PASS = combine([CheckResult(check="threshold", outcome=Outcome.PASS, reason="0.91 is enough")])
FAIL = combine([CheckResult(check="threshold", outcome=Outcome.FAIL, reason="0.41 is under 0.6")])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[LoadedProject]:
    """An empty project whose servers use free ports; what a test leaves running is stopped."""
    (tmp_path / "retread.toml").write_text(
        "[project]\ntracking_port = 0\ncontrol_port = 0\n[serving]\nport = 0\n"
    )
    opened = open_project(tmp_path, {})
    yield opened
    take_down(opened.home)


def registered(version: int, bundle: str, cause: Cause) -> VersionRegistered:
    return VersionRegistered(
        version=version,
        bundle=bundle,
        run_id=f"run_{version}",
        model_type="cnn",
        dataset="tires",
        dataset_version=version,
        validation={"Accuracy": 0.9},
        metrics={"Accuracy": 0.9},
        cause=cause,
    )


@pytest.fixture
def first_model() -> tuple[Event, ...]:
    """A version that was promoted."""
    return (
        DatasetVersionAdded(
            dataset="tires",
            version=1,
            digest=BUNDLE,
            evaluation_digest=BUNDLE,
            state=VersionState.RELEASED,
            source="photos",
        ),
        registered(1, BUNDLE, Cause()),
        GateJudged(version=1, production=0, evaluation_digest=BUNDLE, verdict=PASS),
        SlotAssigned(slot=Slot.PRODUCTION, version=1, bundle=BUNDLE, generation=1),
        PromotionCompleted(version=1, previous=0, generation=1, servers=("server_1",)),
    )


@pytest.fixture
def degrades() -> tuple[Event, ...]:
    """That version degrades, and the next one is in a canary."""
    cause = Cause(kind=CauseKind.DRIFT, detail=f"drift of {MARKUP}", trigger="trigger_1")
    return (
        DriftDetected(
            version=1,
            detector="conformal",
            window=3,
            streams=("brightness", "embedding"),
            evidence={"brightness": 120.0},
            effect={"brightness": 0.8},
            requests=300,
        ),
        DegradationDetected(version=1, metric="Accuracy", expected=0.9, observed=0.7, labels=60),
        TriggerReceived(trigger="trigger_1", key="k", cause=cause),
        TriggerDecided(
            trigger="trigger_1", decision=TriggerDecision.ACCEPTED, reason="Within budget."
        ),
        RetrainingStarted(trigger="trigger_1", dataset="tires", dataset_version=2),
        registered(2, NEXT_BUNDLE, cause),
        GateJudged(version=2, production=1, evaluation_digest=BUNDLE, verdict=FAIL),
        CanaryStarted(version=2, production=1, trigger="trigger_1"),
        SlotAssigned(slot=Slot.CANARY, version=2, bundle=NEXT_BUNDLE, generation=2, share=0.1),
    )
