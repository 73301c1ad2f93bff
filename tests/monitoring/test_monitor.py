"""The monitor: windows, alarms, state and reports."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from tests.monitoring.harness import LABELS, MonitorHarness, outputs_of

from retread.monitoring.state import MONITOR_STATE
from retread.registry.events import DegradationDetected, DriftDetected

ACCURATE = {"Accuracy": 0.9}


def drifts(harness: MonitorHarness) -> list[DriftDetected]:
    return [e.event for e in harness.ledger.read() if isinstance(e.event, DriftDetected)]


def test_without_production_there_is_nothing_to_monitor(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    harness.traffic.append(harness.records(rng, 60, prefix="a"))
    assert harness.monitor().step() == ()
    assert harness.monitor().report().version is None


def test_a_change_is_one_alarm_with_evidence_and_effect(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    harness.promote(1, harness.reference(rng), ACCURATE)
    monitor = harness.monitor()
    harness.traffic.append(harness.records(rng, 320, prefix="same"))
    assert monitor.step() == ()
    harness.traffic.append(harness.records(rng, 130, prefix="changed", brightness=0.75))
    (alarm,) = monitor.step()
    assert isinstance(alarm, DriftDetected)
    assert alarm.streams == ("brightness",)
    assert alarm.evidence["brightness"] > np.log(20)
    assert alarm.effect["brightness"] > 0.2
    assert 7 <= alarm.window <= 9
    harness.traffic.append(harness.records(rng, 300, prefix="on", brightness=0.75))
    assert monitor.step() == ()
    assert drifts(harness) == [alarm]


def test_a_change_with_a_small_effect_is_not_an_alarm(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    harness.promote(1, harness.reference(rng, 3_000), ACCURATE)
    harness.traffic.append(harness.records(rng, 3_000, prefix="a", brightness=0.52))
    monitor = harness.monitor(min_effect=0.5)
    assert monitor.step() == ()
    evidence = {s.name: s.evidence for s in monitor.report().streams}
    assert evidence["brightness"] > np.log(20)


def test_only_successful_predictions_of_this_version_in_production_count(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    harness.promote(2, harness.reference(rng), ACCURATE)
    others: list[dict[str, Any]] = [
        {"version": 1},
        {"slot": "canary"},
        {"slot": "staging"},
        {"status": 503},
    ]
    for number, changes in enumerate(others):
        harness.traffic.append(
            harness.records(
                rng, 100, prefix=f"{number}-", brightness=0.9, **{"version": 2, **changes}
            )
        )
    harness.traffic.append(harness.records(rng, 30, prefix="own", version=2))
    monitor = harness.monitor()
    assert monitor.step() == ()
    report = monitor.report()
    assert (report.windows, report.waiting) == (0, 30)


def test_an_alarm_that_persists_is_repeated_only_after_a_while(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    harness.promote(1, harness.reference(rng), ACCURATE)
    monitor = harness.monitor(repeat_s=3600.0)
    raised = []
    for number in range(6):
        harness.traffic.append(harness.records(rng, 50, prefix=f"{number}-", brightness=0.8))
        raised.append(len(monitor.step()))
        harness.clock.advance(timedelta(minutes=25))
    assert raised == [1, 0, 0, 1, 0, 0]


def test_a_new_version_starts_a_new_watch(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    harness.promote(1, harness.reference(rng), ACCURATE)
    monitor = harness.monitor()
    harness.traffic.append(harness.records(rng, 80, prefix="a", brightness=0.8))
    (first,) = monitor.step()
    harness.promote(2, harness.reference(rng), {"Accuracy": 0.91})
    harness.traffic.append(harness.records(rng, 50, prefix="b", brightness=0.8, version=2))
    (second,) = monitor.step()
    assert isinstance(second, DriftDetected)
    assert (first.version, second.version, second.window) == (1, 2, 1)
    assert monitor.report().requests == 50


def test_a_new_process_continues_where_the_last_one_stopped(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    harness.promote(1, harness.reference(rng), ACCURATE)
    steady = harness.monitor()
    for number in range(7):
        harness.traffic.append(harness.records(rng, 37, prefix=f"{number}-"))
        harness.monitor().step()
    report = steady.report()
    assert (report.windows, report.requests, report.waiting) == (5, 250, 9)
    # A monitor that reads everything at once finds the same evidence.
    with harness.database.write() as connection:
        connection.execute(MONITOR_STATE.delete())
    assert harness.monitor().report() == report


def test_killed_before_the_state_is_saved_nothing_is_counted_or_reported_twice(
    harness: MonitorHarness, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.promote(1, harness.reference(rng), ACCURATE)
    harness.traffic.append(harness.records(rng, 100, prefix="a", brightness=0.8))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("retread.monitoring.monitor.save_state", killed)
        with pytest.raises(KeyboardInterrupt):
            harness.monitor().step()
    assert len(drifts(harness)) == 1
    restarted = harness.monitor()
    assert restarted.step() == ()
    assert len(drifts(harness)) == 1
    assert restarted.report().windows == 2


def test_a_report_changes_nothing(harness: MonitorHarness, rng: np.random.Generator) -> None:
    harness.promote(1, harness.reference(rng), ACCURATE)
    harness.traffic.append(harness.records(rng, 100, prefix="a", brightness=0.8))
    report = harness.monitor().report()
    assert report.alarm
    assert report == harness.monitor().report()
    assert drifts(harness) == []
    assert len(harness.monitor().step()) == 1


def test_drift_in_many_features_is_one_event(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    reference = harness.reference(rng)
    names = [f"feature_{i:02d}" for i in range(50)]
    columns = {name: rng.normal(size=400) for name in names}
    harness.promote(
        1, type(reference)(numeric=columns, categorical={}, embedding=reference.embedding), ACCURATE
    )
    records = harness.records(rng, 150, prefix="a")
    drifted = [
        type(r)(
            id=r.id,
            at=r.at,
            key="",
            status=200,
            answer=r.answer,
            numeric={n: float(rng.normal(2.0 if i < 25 else 0.0)) for i, n in enumerate(names)},
            embedding=r.embedding,
        )
        for r in records
    ]
    harness.traffic.append(drifted)
    (alarm,) = harness.monitor().step()
    assert isinstance(alarm, DriftDetected)
    assert set(names[:25]) == set(alarm.streams)


def test_detector_states_are_written_with_a_full_window_only(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    harness.promote(1, harness.reference(rng), ACCURATE)
    monitor = harness.monitor()
    harness.traffic.append(harness.records(rng, 60, prefix="a"))
    monitor.step()
    table = MONITOR_STATE
    with harness.database.write() as connection:
        state = table.update().where(table.c.name != "memory")
        connection.execute(state.values(content=b"untouched"))

    def stored() -> dict[str, bytes]:
        with harness.database.read() as connection:
            return {row.name: row.content for row in connection.execute(table.select())}

    before = stored()
    harness.traffic.append(harness.records(rng, 30, prefix="b"))
    monitor.step()
    assert stored()["detector:conformal"] == b"untouched"
    assert stored()["memory"] != before["memory"]
    harness.traffic.append(harness.records(rng, 10, prefix="c"))
    monitor.step()
    assert stored()["detector:conformal"] != b"untouched"
    assert harness.monitor().report() == monitor.report()


def test_labels_without_a_prediction_are_counted(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    harness.promote(1, harness.reference(rng), ACCURATE)
    monitor = harness.monitor()
    harness.traffic.append(harness.records(rng, 60, prefix="a"))
    harness.labels.put([("a1", "good"), ("unknown", "good")], 0.0)
    monitor.step()
    harness.labels.put([("a2", "good"), ("a3", "no such label"), ("unknown too", "good")], 0.0)
    harness.labels.put([("b1", "good")], 0.0)  # arrives before its prediction is read
    monitor.step()
    harness.traffic.append(harness.records(rng, 60, prefix="b"))
    monitor.step()
    performance = monitor.report().performance
    assert performance is not None
    assert (performance.labels, performance.missed) == (4, 2), "an unknown class is an error"
    harness.promote(2, harness.reference(rng), ACCURATE)
    harness.labels.put([("a5", "good")], 0.0)
    monitor.step()
    performance = monitor.report().performance
    assert performance is not None
    assert (performance.labels, performance.missed) == (0, 1)


def test_two_detectors_share_alpha(harness: MonitorHarness, rng: np.random.Generator) -> None:
    harness.promote(1, harness.reference(rng), ACCURATE)
    own = "retread.monitoring.detectors.conformal:Conformal"
    assert harness.monitor().report().evidence_needed == pytest.approx(np.log(1 / 0.05))
    both = harness.monitor(detectors=("conformal", own))
    assert both.report().evidence_needed == pytest.approx(np.log(2 / 0.05))


def test_delayed_labels_show_a_degradation_once(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    harness.promote(1, harness.reference(rng), ACCURATE)
    monitor = harness.monitor(min_labels=40, min_effect=99.0)
    records = harness.records(rng, 300, prefix="a")
    harness.traffic.append(records)
    assert monitor.step() == ()
    predicted = [LABELS[int(np.argmax(outputs_of(r)))] for r in records]
    other = {"good": "defective", "defective": "good"}
    right = [label if rng.random() < 0.9 else other[label] for label in predicted]
    harness.labels.put([(r.id, label) for r, label in zip(records[:150], right, strict=False)], 0.0)
    assert monitor.step() == ()
    wrong = [label if rng.random() < 0.5 else other[label] for label in predicted[150:]]
    harness.labels.put([(r.id, label) for r, label in zip(records[150:], wrong, strict=True)], 1.0)
    (alarm,) = monitor.step()
    assert isinstance(alarm, DegradationDetected)
    assert alarm.observed < 0.75 < alarm.expected
    assert alarm.labels == 300
    assert monitor.step() == ()
    report = harness.monitor(min_labels=40, min_effect=99.0).report()
    assert report.performance is not None
    assert report.performance.degraded
    assert report.past[0].kind == "degradation"
