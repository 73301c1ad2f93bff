from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from retread.monitoring import memory
from retread.registry.events import DegradationDetected, DriftDetected

ACCURATE = {"Accuracy": 0.9}


def drifts(house: Any) -> list[DriftDetected]:
    return [e.event for e in house.ledger.read() if isinstance(e.event, DriftDetected)]


def test_without_production_there_is_nothing_to_watch(house: Any, rng: np.random.Generator) -> None:
    house.traffic.append(house.records(rng, 60, prefix="a"))
    assert house.monitor().step() == ()
    assert house.monitor().report().version == 0


def test_quiet_then_loud_is_one_alarm_with_both_numbers(
    house: Any, rng: np.random.Generator
) -> None:
    house.promote(1, house.reference(rng), ACCURATE)
    monitor = house.monitor()
    house.traffic.append(house.records(rng, 320, prefix="quiet"))
    assert monitor.step() == ()
    house.traffic.append(house.records(rng, 130, prefix="loud", brightness=0.75))
    (alarm,) = monitor.step()
    assert alarm.streams == ("brightness",)
    assert alarm.evidence["brightness"] > np.log(20)
    assert alarm.effect["brightness"] > 0.2
    assert 7 <= alarm.window <= 9
    house.traffic.append(house.records(rng, 300, prefix="on", brightness=0.75))
    assert monitor.step() == ()
    assert drifts(house) == [alarm]


def test_a_change_too_small_to_matter_wakes_nobody(house: Any, rng: np.random.Generator) -> None:
    house.promote(1, house.reference(rng, 3_000), ACCURATE)
    house.traffic.append(house.records(rng, 3_000, prefix="a", brightness=0.52))
    monitor = house.monitor(min_effect=0.5)
    assert monitor.step() == ()
    evidence = {s.name: s.evidence for s in monitor.report().streams}
    assert evidence["brightness"] > np.log(20)


def test_only_good_answers_of_this_version_in_production_count(
    house: Any, rng: np.random.Generator
) -> None:
    house.promote(2, house.reference(rng), ACCURATE)
    others: list[dict[str, Any]] = [
        {"version": 1},
        {"slot": "canary"},
        {"slot": "staging"},
        {"status": 503},
    ]
    for number, how in enumerate(others):
        house.traffic.append(
            house.records(rng, 100, prefix=f"{number}-", brightness=0.9, **{"version": 2, **how})
        )
    house.traffic.append(house.records(rng, 30, prefix="own", version=2))
    monitor = house.monitor()
    assert monitor.step() == ()
    report = monitor.report()
    assert (report.windows, report.waiting) == (0, 30)


def test_an_alarm_that_stays_is_repeated_only_after_a_while(
    house: Any, rng: np.random.Generator
) -> None:
    house.promote(1, house.reference(rng), ACCURATE)
    monitor = house.monitor(repeat_s=3600.0)
    raised = []
    for number in range(6):
        house.traffic.append(house.records(rng, 50, prefix=f"{number}-", brightness=0.8))
        raised.append(len(monitor.step()))
        house.clock.advance(timedelta(minutes=25))
    assert raised == [1, 0, 0, 1, 0, 0]


def test_a_new_version_begins_a_new_watch(house: Any, rng: np.random.Generator) -> None:
    house.promote(1, house.reference(rng), ACCURATE)
    monitor = house.monitor()
    house.traffic.append(house.records(rng, 80, prefix="a", brightness=0.8))
    (first,) = monitor.step()
    house.promote(2, house.reference(rng), {"Accuracy": 0.91})
    house.traffic.append(house.records(rng, 50, prefix="b", brightness=0.8, version=2))
    (second,) = monitor.step()
    assert (first.version, second.version, second.window) == (1, 2, 1)
    assert monitor.report().requests == 50


def test_a_new_process_goes_on_where_the_last_stopped(house: Any, rng: np.random.Generator) -> None:
    house.promote(1, house.reference(rng), ACCURATE)
    steady = house.monitor()
    for number in range(7):
        house.traffic.append(house.records(rng, 37, prefix=f"{number}-"))
        house.monitor().step()
    report = steady.report()
    assert (report.windows, report.requests, report.waiting) == (5, 250, 9)
    # Read in one go by a monitor that never stopped, the evidence is the same.
    with house.database.write() as connection:
        connection.execute(memory.MONITOR_STATE.delete())
    assert house.monitor().report() == report


def test_killed_between_alarm_and_memory_nothing_is_counted_or_told_twice(
    house: Any, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.promote(1, house.reference(rng), ACCURATE)
    house.traffic.append(house.records(rng, 100, prefix="a", brightness=0.8))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("retread.monitoring.monitor.save_memory", killed)
        with pytest.raises(KeyboardInterrupt):
            house.monitor().step()
    assert len(drifts(house)) == 1
    restarted = house.monitor()
    assert restarted.step() == ()
    assert len(drifts(house)) == 1
    assert restarted.report().windows == 2


def test_asking_changes_nothing(house: Any, rng: np.random.Generator) -> None:
    house.promote(1, house.reference(rng), ACCURATE)
    house.traffic.append(house.records(rng, 100, prefix="a", brightness=0.8))
    report = house.monitor().report()
    assert report.alarm
    assert report == house.monitor().report()
    assert drifts(house) == []
    assert len(house.monitor().step()) == 1


def test_a_storm_over_fifty_features_is_one_event(house: Any, rng: np.random.Generator) -> None:
    reference = house.reference(rng)
    names = [f"feature_{i:02d}" for i in range(50)]
    columns = {name: rng.normal(size=400) for name in names}
    house.promote(
        1, type(reference)(numeric=columns, categorical={}, embedding=reference.embedding), ACCURATE
    )
    records = house.records(rng, 150, prefix="a")
    stormy = [
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
    house.traffic.append(stormy)
    (alarm,) = house.monitor().step()
    assert set(names[:25]) == set(alarm.streams)


def test_detector_states_are_written_with_a_full_window_only(
    house: Any, rng: np.random.Generator
) -> None:
    house.promote(1, house.reference(rng), ACCURATE)
    monitor = house.monitor()
    house.traffic.append(house.records(rng, 60, prefix="a"))
    monitor.step()
    table = memory.MONITOR_STATE
    with house.database.write() as connection:
        state = table.update().where(table.c.name != "memory")
        connection.execute(state.values(content=b"untouched"))

    def stored() -> dict[str, bytes]:
        with house.database.read() as connection:
            return {row.name: row.content for row in connection.execute(table.select())}

    before = stored()
    house.traffic.append(house.records(rng, 30, prefix="b"))
    monitor.step()
    assert stored()["detector:conformal"] == b"untouched"
    assert stored()["memory"] != before["memory"]
    house.traffic.append(house.records(rng, 10, prefix="c"))
    monitor.step()
    assert stored()["detector:conformal"] != b"untouched"
    assert house.monitor().report() == monitor.report()


def test_labels_that_find_no_answer_are_counted(house: Any, rng: np.random.Generator) -> None:
    house.promote(1, house.reference(rng), ACCURATE)
    monitor = house.monitor()
    house.traffic.append(house.records(rng, 60, prefix="a"))
    house.labels.put([("a1", "good"), ("nobody", "good")], 0.0)
    monitor.step()
    house.labels.put([("a2", "good"), ("a3", "no such label"), ("nobody either", "good")], 0.0)
    house.labels.put([("b1", "good")], 0.0)  # sent before its answer was read
    monitor.step()
    house.traffic.append(house.records(rng, 60, prefix="b"))
    monitor.step()
    performance = monitor.report().performance
    assert performance is not None
    assert (performance.labels, performance.missed) == (3, 2)
    house.promote(2, house.reference(rng), ACCURATE)
    house.labels.put([("a5", "good")], 0.0)
    monitor.step()
    performance = monitor.report().performance
    assert performance is not None
    assert (performance.labels, performance.missed) == (0, 1)


def test_two_detectors_share_what_may_be_spent(house: Any, rng: np.random.Generator) -> None:
    house.promote(1, house.reference(rng), ACCURATE)
    own = "retread.monitoring.detectors.conformal:Conformal"
    assert house.monitor().report().evidence_needed == pytest.approx(np.log(1 / 0.05))
    both = house.monitor(detectors=("conformal", own))
    assert both.report().evidence_needed == pytest.approx(np.log(2 / 0.05))


def test_late_labels_show_a_degradation_once(house: Any, rng: np.random.Generator) -> None:
    house.promote(1, house.reference(rng), ACCURATE)
    monitor = house.monitor(min_labels=40, min_effect=99.0)
    records = house.records(rng, 300, prefix="a")
    house.traffic.append(records)
    assert monitor.step() == ()
    said = [("good", "defective")[int(np.argmax(r.answer.outputs))] for r in records]
    other = {"good": "defective", "defective": "good"}
    right = [label if rng.random() < 0.9 else other[label] for label in said]
    house.labels.put([(r.id, label) for r, label in zip(records[:150], right, strict=False)], 0.0)
    assert monitor.step() == ()
    wrong = [label if rng.random() < 0.5 else other[label] for label in said[150:]]
    house.labels.put([(r.id, label) for r, label in zip(records[150:], wrong, strict=True)], 1.0)
    (alarm,) = monitor.step()
    assert isinstance(alarm, DegradationDetected)
    assert alarm.observed < 0.75 < alarm.expected
    assert alarm.labels == 300
    assert monitor.step() == ()
    report = house.monitor(min_labels=40, min_effect=99.0).report()
    assert report.performance is not None
    assert report.performance.degraded
    assert report.past[0].kind == "degradation"
