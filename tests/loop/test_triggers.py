"""Triggers: proposals from recorded events and from explicit requests."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from retread.bundle import CauseKind
from retread.core import InvalidInput, Refused, UnknownOption, load_plugin
from retread.core.quarantine import VersionState
from retread.loop import (
    Proposal,
    TriggerContext,
    TriggerOptions,
    fold_history,
    proposal_for,
    triggers,
)
from retread.loop.trigger_evaluation import evaluate_triggers
from retread.loop.trigger_requests import proposal_of, trigger_received
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


def context(
    *events: Event,
    production: int | None = 1,
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


def evaluated(kind: str, seen: TriggerContext) -> Sequence[Proposal]:
    return load_plugin(triggers, "trigger", kind).evaluate(seen)  # type: ignore[no-any-return]  # modules are untyped


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


def test_the_newest_drift_of_production_is_one_proposal() -> None:
    (found,) = evaluated("drift", context(drift(window=4), drift(window=5), drift(2, 9)))
    assert found.key == "tires/drift/v1-e2/none"
    assert found.detail == "light drifted in window 5 of version 1"
    assert not evaluated("drift", context(drift(version=1), production=2))


def test_drift_in_many_streams_is_one_retraining() -> None:
    streams = [f"f{number}" for number in range(50)]
    (found,) = evaluated("drift", context(drift(streams=streams)))
    assert found.detail == "f0, f1, f2, f3, f4 and 45 more drifted in window 4 of version 1"


def test_an_alarm_after_a_rollback_differs_from_the_one_before() -> None:
    """Windows and labels are counted from zero when a version returns to production."""
    for kind, alarm in (("drift", drift()), ("degradation", degraded())):
        (first,) = evaluated(kind, context(alarm))
        (again,) = evaluated(kind, context(alarm, drift(2, 9), alarm))
        assert first.key != again.key


def test_degradation_names_both_values() -> None:
    (found,) = evaluated("degradation", context(degraded()))
    assert found.detail == "Accuracy of version 1 went from 0.900 to 0.700 on 120 labels"


def test_new_data_is_proposed_until_it_is_trained_on() -> None:
    assert not evaluated("new_data", context(added(1), STARTED))
    (found,) = evaluated("new_data", context(added(1), STARTED, added(2)))
    assert (found.key, found.user_requested) == ("tires/new-data/tires@2/2", False)
    trained = RetrainingStarted(trigger="u", dataset="tires", dataset_version=3)
    assert not evaluated("new_data", context(added(1), STARTED, added(2), trained))
    assert not evaluated("new_data", context(added(1), production=None)), (
        "the first model is for the user"
    )


def test_data_released_from_quarantine_is_new() -> None:
    kept = added(2, state="quarantined")
    released = DatasetVersionReleased(dataset="tires", version=2, reason="the rows are fine")
    (found,) = evaluated("new_data", context(added(1), STARTED, kept, released))
    assert found.detail == "tires@2 was added"
    ours = added(2, source="traffic:trg_1", state="quarantined")
    assert not evaluated("new_data", context(added(1), STARTED, ours, released))


@pytest.mark.parametrize(
    "event",
    [added(2, source="traffic:trg_1"), added(2, state="quarantined")],
    ids=["collected", "quarantined"],
)
def test_collected_or_quarantined_data_is_not_proposed(event: DatasetVersionAdded) -> None:
    seen = context(added(1), STARTED, event)
    assert seen.data_digest == "sha256:1"
    assert not evaluated("new_data", seen)


def test_schedule_proposes_the_time_that_was_reached() -> None:
    (found,) = evaluated("schedule", context(added(1), schedule="0 6 * * *"))
    assert found.key == "tires/schedule/2026-11-02T06:00:00+00:00/none"
    assert not evaluated("schedule", context(added(1)))
    assert not evaluated("schedule", context(schedule="0 6 * * *")), "the ledger is empty"


@pytest.mark.parametrize(
    ("zone", "now", "reached", "shown"),
    [
        ("Asia/Seoul", "2026-11-02T05:00", "2026-11-01T21:00:00+00:00", "2026-11-02 06:00:00 ("),
        (
            "America/New_York",
            "2026-11-02T05:00",
            "2026-11-01T11:00:00+00:00",
            "2026-11-01 06:00:00 (",
        ),
        # The day on which the clocks are put back, and the one before.
        ("Europe/Berlin", "2026-10-25T07:00", "2026-10-25T05:00:00+00:00", "2026-10-25 06:00:00 ("),
        ("Europe/Berlin", "2026-10-24T07:00", "2026-10-24T04:00:00+00:00", "2026-10-24 06:00:00 ("),
    ],
)
def test_timezone_schedule_counts_in_the_zone_of_the_project(
    zone: str, now: str, reached: str, shown: str
) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    seen = context(added(1), now=at, schedule="0 6 * * *")
    entries = [replace(entry, at=at - timedelta(days=3)) for entry in seen.entries]
    seen = replace(seen, entries=entries, zone=ZoneInfo(zone))
    (found,) = evaluated("schedule", seen)
    assert found.key == f"tires/schedule/{reached}/none"
    assert shown in found.detail
    assert found.detail.endswith("UTC)")


def test_schedule_is_kept_when_the_clock_jumps() -> None:
    """The clock is set back an hour after 06:00 and reaches it again; then it skips a day."""
    times = [START + timedelta(hours=h) for h in (5.9, 6.1, 5.1, 6.2, 7, 60)]
    keys = {
        found.key
        for now in times
        for found in evaluated("schedule", context(added(1), now=now, schedule="0 6 * * *"))
    }
    assert keys == {
        "tires/schedule/2026-11-01T06:00:00+00:00/none",
        "tires/schedule/2026-11-03T06:00:00+00:00/none",
    }


def test_a_commit_names_its_model() -> None:
    message = "Deeper\n\nmodel: resnet18"
    found = proposal_for("commit", context(added(1)), TriggerOptions(message=message))
    assert (found.kind, found.model_type) == (CauseKind.COMMIT, "resnet18")
    assert (
        found.key == proposal_for("commit", context(added(1)), TriggerOptions(message=message)).key
    )


@pytest.mark.parametrize(
    "named",
    [
        "os:system",
        "os.system",
        "antigravity:fly",
        "this.s",
        "subprocess:run",
        "subprocess.Popen",
        "shutil:rmtree",
        "builtins:exec",
        "http.server:main",
        "../../etc/passwd",
        "retread.training.model_types.vision.cnn:build",
    ],
)
def test_a_commit_cannot_name_what_is_imported(named: str) -> None:
    before = set(sys.modules)
    with pytest.raises(InvalidInput, match="not the name of a model type"):
        proposal_for("commit", context(), TriggerOptions(message=f"Try it\n\nmodel: {named}"))
    assert not {name for name in set(sys.modules) - before if named.startswith(name)}


def test_a_commit_without_a_model_is_refused() -> None:
    with pytest.raises(InvalidInput, match="names no model to train"):
        proposal_for("commit", context(), TriggerOptions(message="Fix a typo in the data model"))


@pytest.mark.parametrize(
    "named",
    ["resnet99", "$(touch", "`id`", "/etc/passwd", "resnet18;ls", "\x1b[2J", "a" * 9999],
)
def test_an_unknown_model_is_refused(named: str) -> None:
    with pytest.raises(UnknownOption, match="Use one of: cnn, resnet18"):
        proposal_for("commit", context(), TriggerOptions(message=f"model: {named}"))


def test_each_manual_request_is_new_unless_it_has_a_key() -> None:
    first = proposal_for("manual", context(), TriggerOptions())
    later = proposal_for("manual", context(now=START + timedelta(hours=31)), TriggerOptions())
    assert first.key != later.key
    keyed = [
        proposal_for(
            "manual", context(now=START + timedelta(hours=h)), TriggerOptions(key="ticket-7")
        ).key
        for h in (30, 31)
    ]
    assert keyed[0] == keyed[1]
    with pytest.raises(UnknownOption):
        proposal_for("manual", context(), TriggerOptions(model_type="resnet99"))


def test_an_alarm_can_be_requested_only_if_there_is_one() -> None:
    assert proposal_for("drift", context(drift()), TriggerOptions()).version == 1
    with pytest.raises(Refused, match="No drift was detected"):
        proposal_for("drift", context(), TriggerOptions())
    assert proposal_for("degradation", context(degraded()), TriggerOptions()).version == 1
    with pytest.raises(Refused, match="No degradation was detected for version 1"):
        proposal_for("degradation", context(), TriggerOptions())
    with pytest.raises(UnknownOption, match="commit"):
        proposal_for("nonsense", context(), TriggerOptions())


def test_a_request_has_the_key_of_the_trigger_that_was_held() -> None:
    seen = context(added(1), drift(), degraded(), schedule="0 6 * * *")
    for kind in ("manual", "drift", "degradation", "schedule", "new-data"):
        assert proposal_for(kind, seen, TriggerOptions()).user_requested, kind
    assert not proposal_for("commit", seen, TriggerOptions(message="model: cnn")).user_requested
    for kind in ("drift", "degradation"):
        (held,) = evaluated(kind, seen)
        assert not held.user_requested
        assert proposal_for(kind, seen, TriggerOptions()).key == held.key


def test_deferred_triggers_are_submitted_again_and_others_are_not() -> None:
    seen = context(drift())
    (found,) = evaluated("drift", seen)

    def after(decision: TriggerDecision) -> tuple[int, tuple[str, ...]]:
        event = trigger_received(found, "trg_1")
        decided = TriggerDecided(trigger="trg_1", decision=decision, reason="")
        again = context(drift(), event, decided)
        result = evaluate_triggers(again, fold_history(again.entries))
        return len(result.new), tuple(request.trigger for request in result.deferred)

    assert evaluate_triggers(seen, ()).new == (found,)
    assert after(TriggerDecision.COOLDOWN) == (0, ("trg_1",))
    for decision in set(TriggerDecision) - {TriggerDecision.COOLDOWN}:
        assert after(decision) == (0, ())


def test_a_trigger_is_added_by_adding_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full_moon.py").write_text(
        "from retread.bundle import CauseKind\n"
        "from retread.loop.trigger_interface import Proposal\n"
        "def evaluate(context):\n"
        "    return (Proposal(kind=CauseKind.SCHEDULE, key='moon', detail='it is full'),)\n"
    )
    monkeypatch.setattr(triggers, "__path__", [*triggers.__path__, str(tmp_path)])
    assert [found.key for found in evaluate_triggers(context(), ()).new] == ["moon"]


def test_old_triggers_are_still_readable() -> None:
    """An entry that was written before `candidate` existed."""
    from retread.registry.events import decode_event

    old = b'{"event":"TriggerReceived","trigger":"t","key":"k","cause":{"kind":"manual"}}'
    event = decode_event(old)
    assert isinstance(event, TriggerReceived)
    assert (event.candidate, event.version, event.force, event.user_requested) == (
        None,
        None,
        "",
        False,
    )


def test_an_event_holds_the_whole_proposal() -> None:
    seen = context(added(1))
    options = TriggerOptions(message="why", candidate=2, force="a test", scenario="both")
    for proposal in (proposal_for("manual", seen, options), *evaluated("new_data", seen)):
        assert proposal_of(trigger_received(proposal, "trg_1")) == proposal
