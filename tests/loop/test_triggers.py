"""Triggers: from what was recorded, and what is asked, to proposals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retread.bundle import CauseKind
from retread.core import InvalidInput, Refused, UnknownOption, load_plugin
from retread.data.version import VersionState
from retread.loop import (
    Proposal,
    TriggerContext,
    TriggerOptions,
    fold_history,
    proposal_for,
    triggers,
)
from retread.loop.observe import noticed
from retread.project.settings import TriggersSection
from retread.registry.events import (
    DatasetVersionAdded,
    DatasetVersionReleased,
    DegradationDetected,
    DriftDetected,
    Event,
    RetrainingStarted,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
)
from retread.registry.ledger import Entry

START = datetime(2026, 11, 1, tzinfo=UTC)
STARTED = RetrainingStarted(trigger="t", dataset="tires", dataset_version=1)


def view(
    *events: Event,
    production: int = 1,
    now: datetime = START + timedelta(hours=30.5),
    **policy: object,
) -> TriggerContext:
    entries = [
        Entry(sequence=n, at=START + timedelta(minutes=n), event=event, hash="")  # type: ignore[arg-type]  # each is one of the union
        for n, event in enumerate(events, start=1)
    ]
    return TriggerContext(
        model="tires",
        dataset="tires",
        entries=entries,
        production=production,
        model_types=("cnn", "resnet18"),
        policy=TriggersSection.model_validate(policy),
        now=now,
    )


def observed(kind: str, seen: TriggerContext) -> Sequence[Proposal]:
    return load_plugin(triggers, "trigger", kind).observe(seen)  # type: ignore[no-any-return]  # modules are untyped


def drift(version: int = 1, window: int = 4, streams: Sequence[str] = ("light",)) -> DriftDetected:
    return DriftDetected(
        version=version,
        detector="conformal",
        window=window,
        streams=tuple(streams),
        evidence=dict.fromkeys(streams, 100.0),
        effect=dict.fromkeys(streams, 0.5),
        requests=400,
    )


def degraded() -> DegradationDetected:
    return DegradationDetected(version=1, metric="Accuracy", expected=0.9, observed=0.7, labels=120)


def added(version: int, source: str = "photos", state: str = "released") -> DatasetVersionAdded:
    return DatasetVersionAdded(
        dataset="tires",
        version=version,
        digest=f"sha256:{version}",
        evaluation_digest="sha256:0",
        state=VersionState(state),
        source=source,
    )


def test_newest_drift_of_production_is_one_proposal() -> None:
    (found,) = observed("drift", view(drift(window=4), drift(window=5), drift(2, 9)))
    assert found.key == "tires/drift/v1-e2/none"
    assert found.detail == "light drifted in window 5 of version 1"
    assert not observed("drift", view(drift(version=1), production=2))


def test_storm_of_features_is_one_retraining() -> None:
    streams = [f"f{number}" for number in range(50)]
    (found,) = observed("drift", view(drift(streams=streams)))
    assert found.detail == "f0, f1, f2, f3, f4 and 45 more drifted in window 4 of version 1"


def test_an_alarm_after_a_return_is_not_the_one_before_it() -> None:
    """Windows and labels are counted anew when a version comes into production again."""
    for kind, alarm in (("drift", drift()), ("degradation", degraded())):
        (first,) = observed(kind, view(alarm))
        (again,) = observed(kind, view(alarm, drift(2, 9), alarm))
        assert first.key != again.key


def test_degradation_says_by_how_much() -> None:
    (found,) = observed("degradation", view(degraded()))
    assert found.detail == "Accuracy of version 1 went from 0.900 to 0.700 on 120 labels"


def test_new_data_is_proposed_until_it_was_trained_on() -> None:
    assert not observed("new_data", view(added(1), STARTED))
    (found,) = observed("new_data", view(added(1), STARTED, added(2)))
    assert (found.key, found.by_hand) == ("tires/new-data/tires@2/2", False)
    trained = RetrainingStarted(trigger="u", dataset="tires", dataset_version=3)
    assert not observed("new_data", view(added(1), STARTED, added(2), trained))
    assert not observed("new_data", view(added(1), production=0)), "the first model is a person's"


def test_data_that_a_person_lets_out_of_quarantine_is_new() -> None:
    kept = added(2, state="quarantined")
    let_out = DatasetVersionReleased(dataset="tires", version=2, reason="they are fine")
    (found,) = observed("new_data", view(added(1), STARTED, kept, let_out))
    assert found.detail == "tires@2 came in"
    ours = added(2, source="traffic:trg_1", state="quarantined")
    assert not observed("new_data", view(added(1), STARTED, ours, let_out))


@pytest.mark.parametrize("event", [added(2, source="traffic:trg_1"), added(2, state="quarantined")])
def test_collected_or_quarantined_data_asks_for_nothing(event: DatasetVersionAdded) -> None:
    seen = view(added(1), STARTED, event)
    assert seen.data_digest == "sha256:1"
    assert not observed("new_data", seen)


def test_schedule_names_the_time_that_was_reached() -> None:
    (found,) = observed("schedule", view(added(1), schedule="0 6 * * *"))
    assert found.key == "tires/schedule/2026-11-02T06:00:00+00:00/none"
    assert not observed("schedule", view(added(1)))
    assert not observed("schedule", view(schedule="0 6 * * *")), "nothing began yet"


def test_schedule_runs_neither_twice_nor_never_when_the_clock_jumps() -> None:
    """The clock goes an hour back after 06:00 and reaches it again; then it misses a day."""
    times = [START + timedelta(hours=h) for h in (5.9, 6.1, 5.1, 6.2, 7, 60)]
    keys = {
        found.key
        for now in times
        for found in observed("schedule", view(added(1), now=now, schedule="0 6 * * *"))
    }
    assert keys == {
        "tires/schedule/2026-11-01T06:00:00+00:00/none",
        "tires/schedule/2026-11-03T06:00:00+00:00/none",
    }


def test_commit_names_its_model() -> None:
    message = "Deeper\n\nmodel: resnet18"
    found = proposal_for("commit", view(added(1)), TriggerOptions(message=message))
    assert (found.kind, found.model_type) == (CauseKind.COMMIT, "resnet18")
    assert found.key == proposal_for("commit", view(added(1)), TriggerOptions(message=message)).key


def test_commit_without_a_model_is_refused() -> None:
    with pytest.raises(InvalidInput, match="names no model to train"):
        proposal_for("commit", view(), TriggerOptions(message="Fix a typo in the data model"))


@pytest.mark.parametrize(
    "named",
    ["resnet99", "$(touch", "`id`", "../../etc/passwd", "resnet18;ls", "\x1b[2J", "a" * 9999],
)
def test_unknown_model_is_refused_as_data(named: str) -> None:
    with pytest.raises(UnknownOption, match="Use one of: cnn, resnet18"):
        proposal_for("commit", view(), TriggerOptions(message=f"model: {named}"))


def test_manual_is_new_each_time_unless_it_brings_a_key() -> None:
    first = proposal_for("manual", view(), TriggerOptions())
    later = proposal_for("manual", view(now=START + timedelta(hours=31)), TriggerOptions())
    assert first.key != later.key
    keyed = [
        proposal_for(
            "manual", view(now=START + timedelta(hours=h)), TriggerOptions(key="ticket-7")
        ).key
        for h in (30, 31)
    ]
    assert keyed[0] == keyed[1]
    with pytest.raises(UnknownOption):
        proposal_for("manual", view(), TriggerOptions(model_type="resnet99"))


def test_asking_about_drift_needs_drift() -> None:
    assert proposal_for("drift", view(drift()), TriggerOptions()).version == 1
    with pytest.raises(Refused, match="No drift was detected"):
        proposal_for("drift", view(), TriggerOptions())
    assert proposal_for("degradation", view(degraded()), TriggerOptions()).version == 1
    with pytest.raises(Refused, match="was not seen doing worse"):
        proposal_for("degradation", view(), TriggerOptions())
    with pytest.raises(UnknownOption, match="commit"):
        proposal_for("nonsense", view(), TriggerOptions())


def test_what_a_person_asks_outright_is_by_hand_and_answers_what_was_held() -> None:
    seen = view(added(1), drift(), degraded(), schedule="0 6 * * *")
    for kind in ("manual", "drift", "degradation", "schedule", "new-data"):
        assert proposal_for(kind, seen, TriggerOptions()).by_hand, kind
    assert not proposal_for("commit", seen, TriggerOptions(message="model: cnn")).by_hand
    for kind in ("drift", "degradation"):
        (held,) = observed(kind, seen)
        assert not held.by_hand
        assert proposal_for(kind, seen, TriggerOptions()).key == held.key


def test_what_was_put_off_is_asked_again_and_the_rest_is_not() -> None:
    seen = view(drift())
    (found,) = observed("drift", seen)

    def after(decision: str) -> tuple[int, tuple[str, ...]]:
        from retread.loop.proposal import received

        event = received(found, "trg_1")
        decided = TriggerDecided(trigger="trg_1", decision=TriggerDecision(decision), reason="")
        again = view(drift(), event, decided)
        result = noticed(again, fold_history(again.entries))
        return len(result.new), result.put_off

    assert noticed(seen, ()).new == (found,)
    assert after("cooldown") == (0, ("trg_1",))
    for decision in ("accepted", "held", "refused", "duplicate"):
        assert after(decision) == (0, ())


def test_adding_a_trigger_is_adding_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full_moon.py").write_text(
        "from retread.bundle import CauseKind\n"
        "from retread.loop.proposal import Proposal\n"
        "def observe(view):\n"
        "    return (Proposal(kind=CauseKind.SCHEDULE, key='moon', detail='it is full'),)\n"
    )
    monkeypatch.setattr(triggers, "__path__", [*triggers.__path__, str(tmp_path)])
    assert [found.key for found in noticed(view(), ()).new] == ["moon"]


def test_old_triggers_can_still_be_read() -> None:
    """A ledger written before `candidate` existed."""
    from retread.registry.events import decode_event

    old = b'{"event":"TriggerReceived","trigger":"t","key":"k","cause":{"kind":"manual"}}'
    event = decode_event(old)
    assert isinstance(event, TriggerReceived)
    assert (event.candidate, event.version, event.force, event.by_hand) == (0, 0, "", False)
