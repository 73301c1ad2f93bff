"""The workflow of a retraining, from the trigger to its result."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.loop.fake_system import FakeSystem, MakeSteps, MakeSystem
from tests.loop.in_memory_steps import InMemorySteps, Killed

from retread.bundle import CauseKind
from retread.core import Outcome, Refused
from retread.core.quarantine import VersionState
from retread.loop.wait_point import WaitReason
from retread.loop.workflow import retrain
from retread.registry import Stage
from retread.registry.events import (
    CanaryFinished,
    CanaryJudged,
    DatasetVersionAdded,
    RetrainingFinished,
    Slot,
)


def test_first_model_is_promoted_without_a_canary(system: FakeSystem, steps: InMemorySteps) -> None:
    result = retrain(system.request(), system.ports, steps)

    assert (result.outcome, result.version) == ("promoted", 1)
    state = system.state
    assert state.production == 1
    assert state.versions[1].model_type == "resnet18", "it is better on the validation split"
    assert not system.events(CanaryJudged)
    assert system.new_titles() == [
        "tires: training on tires@1 started",
        "tires: training finished; resnet18 goes to the gate",
        "tires: version 1 passed the gate",
        "tires: version 1 is in production",
    ]


def test_second_model_takes_traffic_step_by_step(system: FakeSystem, make_steps: MakeSteps) -> None:
    retrain(system.request(), system.ports, make_steps())
    system.new_titles()

    result = retrain(system.request(), system.ports, make_steps())

    assert (result.outcome, result.version) == ("promoted", 2)
    assert [event.share for event in system.events(CanaryJudged)] == [0.1, 0.5, 1.0]
    state = system.state
    assert (state.production, state.versions[1].stage) == (2, Stage.ARCHIVED)
    assert set(state.slots) == {Slot.PRODUCTION}
    assert system.new_titles()[3:] == [
        "tires: version 2 serves 10% of the traffic",
        "tires: version 2 is in production",
    ]


def test_worse_canary_is_rolled_back(system: FakeSystem, make_steps: MakeSteps) -> None:
    retrain(system.request(), system.ports, make_steps())
    system.new_titles()
    system.canary.worse = 0.5

    result = retrain(system.request(), system.ports, make_steps())

    assert (result.outcome, result.version) == ("rolled-back", 2)
    assert "larger than production's" in result.reason
    state = system.state
    assert (state.production, state.versions[2].stage) == (1, Stage.ARCHIVED)
    assert set(state.slots) == {Slot.PRODUCTION}
    assert [event.outcome for event in system.events(CanaryFinished)] == ["rolled-back"]
    assert (
        system.new_titles()[-1]
        == "tires: canary version 2 was rolled back; version 1 stays in production"
    )


def test_canary_without_traffic_expires(system: FakeSystem, make_steps: MakeSteps) -> None:
    retrain(system.request(), system.ports, make_steps())
    system.canary.left = 0

    result = retrain(system.request(), system.ports, make_steps())

    assert result.outcome == "inconclusive"
    assert "inconclusive after 3600 s" in result.reason
    assert system.state.production == 1
    assert set(system.wait_point.pauses) == {WaitReason.TRAFFIC}


def test_a_version_that_fails_the_gate_is_not_staged(
    system: FakeSystem, steps: InMemorySteps
) -> None:
    system.gate.outcome = Outcome.FAIL

    result = retrain(system.request(), system.ports, steps)

    assert result.outcome == "refused"
    assert system.state.versions[1].stage is Stage.NONE
    assert system.new_titles()[-1] == "tires: version 1 failed the gate"


def test_a_gate_without_evidence_is_inconclusive(system: FakeSystem, steps: InMemorySteps) -> None:
    system.gate.outcome = Outcome.INCONCLUSIVE

    assert retrain(system.request(), system.ports, steps).outcome == "inconclusive"


def test_a_forced_candidate_still_needs_its_canary(
    system: FakeSystem, make_steps: MakeSteps
) -> None:
    """The canary rolls back a bad model that a user lets bypass the gate."""
    retrain(system.request(), system.ports, make_steps())
    system.gate.outcome = Outcome.FAIL
    retrain(system.request(), system.ports, make_steps())
    system.canary.worse = 0.5

    trigger = system.request(candidate=2, force_reason="I want to see it fail")
    result = retrain(trigger, system.ports, make_steps())

    assert (result.outcome, result.version) == ("rolled-back", 2)
    assert system.state.production == 1
    assert len(system.training.done) == 4, "a candidate is not trained"


def test_no_run_meets_the_threshold(system: FakeSystem, steps: InMemorySteps) -> None:
    system.training.threshold = 0.99

    result = retrain(system.request(), system.ports, steps)

    assert result.outcome == "refused"
    assert result.reason == (
        "No run produced a candidate. Below the threshold: cnn: Accuracy 0.8 is below 0.99; "
        "resnet18: Accuracy 0.9 is below 0.99."
    )
    assert not system.state.versions
    assert system.new_titles()[-1] == "tires: training finished without a candidate"


def test_a_stopped_run_is_distinguished_from_one_below_the_threshold(
    system: FakeSystem, steps: InMemorySteps
) -> None:
    system.training.threshold = 0.85
    system.training.stopped = {"resnet18": "It ran out of memory."}

    result = retrain(system.request(), system.ports, steps)

    assert result.reason == (
        "No run produced a candidate. Below the threshold: cnn: Accuracy 0.8 is below 0.85. "
        "Stopped: resnet18: It ran out of memory."
    )


def test_a_failed_training_ends_the_retraining_with_a_notification(
    system: FakeSystem, steps: InMemorySteps
) -> None:
    system.training.breaks = Refused("The data is gone.", "Restore it.")

    result = retrain(system.request(), system.ports, steps)

    assert (result.outcome, result.reason) == ("failed", "The data is gone. Restore it.")
    assert [event.outcome for event in system.events(RetrainingFinished)] == ["failed"]
    assert system.new_titles()[-1] == "tires: a retraining failed"


def test_labelled_traffic_becomes_data_when_traffic_is_the_cause(
    system: FakeSystem, steps: InMemorySteps
) -> None:
    system.data.labels = 60

    retrain(system.request(CauseKind.DRIFT), system.ports, steps)

    (added,) = system.events(DatasetVersionAdded)
    assert (added.version, added.source) == (2, "traffic:trg_2")
    assert [done.key for done in system.training.done.values()] == ["trg_2/1", "trg_2/2"]
    assert system.new_titles()[0] == "tires: training on tires@2 started"


@pytest.mark.parametrize(("kind", "labels"), [(CauseKind.MANUAL, 60), (CauseKind.DRIFT, 49)])
def test_otherwise_the_newest_version_is_used(
    system: FakeSystem, steps: InMemorySteps, kind: CauseKind, labels: int
) -> None:
    system.data.labels = labels

    retrain(system.request(kind), system.ports, steps)

    assert not system.events(DatasetVersionAdded)


def test_the_retraining_waits_for_labels(make_system: MakeSystem, steps: InMemorySteps) -> None:
    system = make_system(triggers={"label_wait_s": 600.0})

    retrain(system.request(CauseKind.DRIFT), system.ports, steps)

    assert system.wait_point.pauses == [WaitReason.LABELS] * 10


def test_quarantined_traffic_is_not_used_for_training(
    system: FakeSystem, steps: InMemorySteps
) -> None:
    system.data.labels, system.data.collected_state = 60, VersionState.QUARANTINED

    result = retrain(system.request(CauseKind.DRIFT), system.ports, steps)

    assert result.outcome == "failed"
    assert "tires@2, made of labelled traffic, is in quarantine. one label only" in result.reason


def test_another_production_version_ends_the_canary(
    system: FakeSystem, make_steps: MakeSteps
) -> None:
    for _ in range(2):
        retrain(system.request(), system.ports, make_steps())
    system.canary.left = 0
    promoter = system.promoter
    system.wait_point.meanwhile = lambda: promoter.rollback(reason="by a user")
    result = retrain(system.request(), system.ports, make_steps())

    assert result.outcome == "failed"
    assert "Version 2 is no longer in production" in result.reason
    state = system.state
    assert (state.production, set(state.slots)) == (1, {Slot.PRODUCTION})
    assert state.version(3).stage is Stage.NONE
    assert [e.outcome for e in system.events(CanaryFinished)] == ["promoted", "failed"]
    assert system.new_titles()[-2:] == [
        "tires: version 2 was rolled back; version 1 is in production again",
        "tires: a retraining failed",
    ]


def test_a_canary_that_breaks_is_withdrawn(system: FakeSystem, make_steps: MakeSteps) -> None:
    retrain(system.request(), system.ports, make_steps())
    system.canary.breaks = ZeroDivisionError("no traffic log")

    result = retrain(system.request(), system.ports, make_steps())

    assert (result.outcome, result.version) == ("failed", 2)
    state = system.state
    assert (set(state.slots), state.version(2).stage) == ({Slot.PRODUCTION}, Stage.NONE)
    (finished,) = system.events(CanaryFinished)
    assert (finished.outcome, finished.reason) == ("failed", result.reason)


def test_a_canary_that_a_user_promotes_was_promoted(
    system: FakeSystem, make_steps: MakeSteps
) -> None:
    retrain(system.request(), system.ports, make_steps())
    system.canary.left = 0

    def promote_once() -> None:
        if system.state.production == 1:
            system.promoter.promote(2)

    system.wait_point.meanwhile = promote_once
    result = retrain(system.request(), system.ports, make_steps())

    assert (result.outcome, result.version) == ("promoted", 2)
    assert system.state.production == 2
    (finished,) = system.events(CanaryFinished)
    assert finished.outcome == "promoted"
    assert finished.reason == "it was promoted manually meanwhile"


def test_a_version_may_expire_twice(system: FakeSystem, make_steps: MakeSteps) -> None:
    """The second canary of a version records as much as the first."""
    retrain(system.request(), system.ports, make_steps())
    system.canary.left = 0
    for trigger in (system.request(), system.request(candidate=2)):
        assert retrain(trigger, system.ports, make_steps()).outcome == "inconclusive"
        state = system.state
        assert (state.version(2).stage, set(state.slots)) == (Stage.ARCHIVED, {Slot.PRODUCTION})
    assert [event.outcome for event in system.events(CanaryFinished)] == ["expired", "expired"]


def test_downtime_of_the_loop_does_not_end_a_canary(
    system: FakeSystem, make_steps: MakeSteps
) -> None:
    """The loop was down for a day; the canary still gets its hour."""
    retrain(system.request(), system.ports, make_steps())
    trigger, steps = system.request(), make_steps()
    steps.kill_before("judge canary 1")
    with pytest.raises(Killed):
        retrain(trigger, system.ports, steps)
    assert steps.names[-1] == "open canary"
    system.clock.advance(timedelta(days=1))
    steps.restart()
    system.canary.batch = 30

    assert retrain(trigger, system.ports, steps).outcome == "promoted"


def test_labelled_traffic_is_collected_in_spite_of_a_conflict(
    system: FakeSystem, steps: InMemorySteps
) -> None:
    system.data.labels, system.data.conflicts = 60, 1

    retrain(system.request(CauseKind.DRIFT), system.ports, steps)

    assert [added.source for added in system.events(DatasetVersionAdded)] == ["traffic:trg_2"]


def test_a_version_that_is_in_production_already_is_not_promoted_again(
    system: FakeSystem, make_steps: MakeSteps
) -> None:
    """A retraining starts again under newer code, after it has promoted its version."""
    trigger = system.request()
    steps = make_steps()
    retrain(trigger, system.ports, steps)
    steps.results.clear()
    steps.restart()

    result = retrain(trigger, system.ports, steps)

    assert (result.outcome, result.version) == ("promoted", 1)
    assert system.state.production == 1
    assert system.training.starts == 2
