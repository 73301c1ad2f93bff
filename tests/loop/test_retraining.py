"""The course of a retraining, from trigger to ending."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.loop.journal import Journal, Killed
from tests.loop.miniature import MakeWorld, World

from retread.bundle import CauseKind
from retread.core import Outcome, Refused
from retread.data.version import VersionState
from retread.loop.retraining import retrain
from retread.registry import Stage
from retread.registry.events import (
    CanaryFinished,
    CanaryJudged,
    DatasetVersionAdded,
    RetrainingFinished,
    Slot,
)


def test_first_model_goes_into_production_without_a_canary(world: World, journal: Journal) -> None:
    ending = retrain(world.ask(), world.ports, journal)

    assert (ending.outcome, ending.version) == ("promoted", 1)
    state = world.models.state()
    assert state.production == 1
    assert state.versions[1].model_type == "resnet18", "the better on validation"
    assert not world.events(CanaryJudged)
    assert world.told() == [
        "tires: training on tires@1 begins",
        "tires: training ended, resnet18 goes to the gate",
        "tires: version 1 passed the gate",
        "tires: version 1 is in production",
    ]


def test_second_model_is_tried_on_traffic_step_by_step(
    world: World, make_journal: type[Journal]
) -> None:
    retrain(world.ask(), world.ports, make_journal())
    world.told()

    ending = retrain(world.ask(), world.ports, make_journal())

    assert (ending.outcome, ending.version) == ("promoted", 2)
    assert [event.share for event in world.events(CanaryJudged)] == [0.1, 0.5, 1.0]
    state = world.models.state()
    assert (state.production, state.versions[1].stage) == (2, Stage.ARCHIVED)
    assert set(state.slots) == {Slot.PRODUCTION}
    assert world.told()[3:] == [
        "tires: version 2 answers 10% of the traffic",
        "tires: version 2 is in production",
    ]


def test_worse_canary_is_rolled_back(world: World, make_journal: type[Journal]) -> None:
    retrain(world.ask(), world.ports, make_journal())
    world.told()
    world.canary.worse = 0.5

    ending = retrain(world.ask(), world.ports, make_journal())

    assert (ending.outcome, ending.version) == ("rolled-back", 2)
    assert "loss is larger" in ending.reason
    state = world.models.state()
    assert (state.production, state.versions[2].stage) == (1, Stage.ARCHIVED)
    assert set(state.slots) == {Slot.PRODUCTION}
    assert [event.outcome for event in world.events(CanaryFinished)] == ["rolled-back"]
    assert world.told()[-1] == "tires: version 2 was rolled back, 1 answers alone"


def test_canary_without_traffic_expires(world: World, make_journal: type[Journal]) -> None:
    retrain(world.ask(), world.ports, make_journal())
    world.canary.left = 0

    ending = retrain(world.ask(), world.ports, make_journal())

    assert ending.outcome == "inconclusive"
    assert "no answer within 3600 s" in ending.reason
    assert world.models.state().production == 1
    assert set(world.waiting.pauses) == {"traffic"}


def test_gate_refuses_and_nothing_is_staged(world: World, journal: Journal) -> None:
    world.models.gate = Outcome.FAIL

    ending = retrain(world.ask(), world.ports, journal)

    assert ending.outcome == "refused"
    assert world.models.state().versions[1].stage is Stage.NONE
    assert world.told()[-1] == "tires: the gate refused version 1"


def test_gate_without_evidence_is_inconclusive(world: World, journal: Journal) -> None:
    world.models.gate = Outcome.INCONCLUSIVE

    assert retrain(world.ask(), world.ports, journal).outcome == "inconclusive"


def test_forced_candidate_still_meets_the_canary(world: World, make_journal: type[Journal]) -> None:
    """A bad model let past the gate by a person is rolled back by the traffic."""
    retrain(world.ask(), world.ports, make_journal())
    world.models.gate = Outcome.FAIL
    retrain(world.ask(), world.ports, make_journal())
    world.canary.worse = 0.5

    trigger = world.ask(candidate=2, force="I want to see it fail")
    ending = retrain(trigger, world.ports, make_journal())

    assert (ending.outcome, ending.version) == ("rolled-back", 2)
    assert world.models.state().production == 1
    assert len(world.training.done) == 4, "a candidate is not trained again"


def test_no_run_meets_its_threshold(world: World, journal: Journal) -> None:
    world.training.threshold = 0.99

    ending = retrain(world.ask(), world.ports, journal)

    assert ending.outcome == "refused"
    assert ending.reason == (
        "No run left a candidate. Under its threshold: cnn: Accuracy 0.8 is under 0.99; "
        "resnet18: Accuracy 0.9 is under 0.99."
    )
    assert not world.models.state().versions
    assert world.told()[-1] == "tires: training ended without a candidate"


def test_a_run_that_was_stopped_is_told_from_one_under_its_threshold(
    world: World, journal: Journal
) -> None:
    world.training.threshold = 0.85
    world.training.stopped = {"resnet18": "It ran out of memory."}

    ending = retrain(world.ask(), world.ports, journal)

    assert ending.reason == (
        "No run left a candidate. Under its threshold: cnn: Accuracy 0.8 is under 0.85. "
        "Stopped: resnet18: It ran out of memory."
    )


def test_failing_training_is_told_and_ends(world: World, journal: Journal) -> None:
    world.training.breaks = Refused("The data is gone.", "Bring it back.")

    ending = retrain(world.ask(), world.ports, journal)

    assert (ending.outcome, ending.reason) == ("failed", "The data is gone. Bring it back.")
    assert [event.outcome for event in world.events(RetrainingFinished)] == ["failed"]
    assert world.told()[-1] == "tires: a retraining failed"


def test_labelled_traffic_becomes_data_when_traffic_is_the_cause(
    world: World, journal: Journal
) -> None:
    world.data.labels = 60

    retrain(world.ask(CauseKind.DRIFT), world.ports, journal)

    (added,) = world.events(DatasetVersionAdded)
    assert (added.version, added.source) == (2, "traffic:trg_2")
    assert [done.key for done in world.training.done.values()] == ["trg_2/1", "trg_2/2"]
    assert world.told()[0] == "tires: training on tires@2 begins"


@pytest.mark.parametrize(("kind", "labels"), [(CauseKind.MANUAL, 60), (CauseKind.DRIFT, 49)])
def test_otherwise_the_newest_version_is_trained_on(
    world: World, journal: Journal, kind: CauseKind, labels: int
) -> None:
    world.data.labels = labels

    retrain(world.ask(kind), world.ports, journal)

    assert not world.events(DatasetVersionAdded)


def test_labels_are_waited_for(make_world: MakeWorld, journal: Journal) -> None:
    world = make_world(triggers={"label_wait_s": 600.0})

    retrain(world.ask(CauseKind.DRIFT), world.ports, journal)

    assert world.waiting.pauses == ["labels"] * 10


def test_quarantined_traffic_is_not_trained_on(world: World, journal: Journal) -> None:
    world.data.labels, world.data.collected_state = 60, VersionState.QUARANTINED

    ending = retrain(world.ask(CauseKind.DRIFT), world.ports, journal)

    assert ending.outcome == "failed"
    assert "tires@2, made of labelled traffic, is in quarantine. one label only" in ending.reason


def test_production_changed_by_hand_voids_the_canary(
    world: World, make_journal: type[Journal]
) -> None:
    for _ in range(2):
        retrain(world.ask(), world.ports, make_journal())
    world.canary.left = 0
    by_hand = world.models.promoter
    world.waiting.meanwhile = lambda: by_hand.rollback(reason="by hand")
    ending = retrain(world.ask(), world.ports, make_journal())

    assert ending.outcome == "failed"
    assert "Production is not version 2 any more" in ending.reason
    state = world.models.state()
    assert (state.production, set(state.slots)) == (1, {Slot.PRODUCTION})
    assert state.version(3).stage is Stage.NONE
    assert [e.outcome for e in world.events(CanaryFinished)] == ["promoted", "failed"]
    assert world.told()[-2:] == [
        "tires: version 2 was rolled back, 1 is in production again",
        "tires: a retraining failed",
    ]


def test_a_trial_that_breaks_leaves_nobody_on_trial(
    world: World, make_journal: type[Journal]
) -> None:
    retrain(world.ask(), world.ports, make_journal())
    world.canary.breaks = ZeroDivisionError("no traffic log")

    ending = retrain(world.ask(), world.ports, make_journal())

    assert (ending.outcome, ending.version) == ("failed", 2)
    state = world.models.state()
    assert (set(state.slots), state.version(2).stage) == ({Slot.PRODUCTION}, Stage.NONE)
    (finished,) = world.events(CanaryFinished)
    assert (finished.outcome, finished.reason) == ("failed", ending.reason)


def test_a_candidate_that_a_person_promotes_during_its_canary_was_promoted(
    world: World, make_journal: type[Journal]
) -> None:
    retrain(world.ask(), world.ports, make_journal())
    world.canary.left = 0

    def by_hand() -> None:
        if world.models.state().production == 1:
            world.models.promoter.promote(2)

    world.waiting.meanwhile = by_hand
    ending = retrain(world.ask(), world.ports, make_journal())

    assert (ending.outcome, ending.version) == ("promoted", 2)
    assert world.models.state().production == 2
    (finished,) = world.events(CanaryFinished)
    assert finished.outcome == "promoted"
    assert finished.reason == "it was promoted by hand meanwhile"


def test_a_version_may_expire_twice(world: World, make_journal: type[Journal]) -> None:
    """The second canary of a version leaves as much as its first."""
    retrain(world.ask(), world.ports, make_journal())
    world.canary.left = 0
    for trigger in (world.ask(), world.ask(candidate=2)):
        assert retrain(trigger, world.ports, make_journal()).outcome == "inconclusive"
        state = world.models.state()
        assert (state.version(2).stage, set(state.slots)) == (Stage.ARCHIVED, {Slot.PRODUCTION})
    assert [event.outcome for event in world.events(CanaryFinished)] == ["expired", "expired"]


def test_time_in_which_nobody_looked_does_not_end_a_canary(
    world: World, make_journal: type[Journal]
) -> None:
    """The loop was down for a day; the canary gets its hour all the same."""
    retrain(world.ask(), world.ports, make_journal())
    trigger, journal = world.ask(), make_journal()
    journal.deaths = {(7, False)}
    with pytest.raises(Killed):
        retrain(trigger, world.ports, journal)
    assert [name for name, _ in journal.results][-1] == "open canary"
    world.clock.advance(timedelta(days=1))
    journal.restart()
    world.canary.batch = 30

    assert retrain(trigger, world.ports, journal).outcome == "promoted"


def test_what_others_made_meanwhile_does_not_end_the_collecting(
    world: World, journal: Journal
) -> None:
    world.data.labels, world.data.conflicts = 60, 1

    retrain(world.ask(CauseKind.DRIFT), world.ports, journal)

    assert [added.source for added in world.events(DatasetVersionAdded)] == ["traffic:trg_2"]


def test_what_is_in_production_already_goes_straight_to_its_end(
    world: World, make_journal: type[Journal]
) -> None:
    """A retraining that begins anew under newer code, after it had promoted."""
    trigger = world.ask()
    journal = make_journal()
    retrain(trigger, world.ports, journal)
    journal.results.clear()
    journal.restart()

    ending = retrain(trigger, world.ports, journal)

    assert (ending.outcome, ending.version) == ("promoted", 1)
    assert world.models.state().production == 1
    assert world.training.starts == 2
