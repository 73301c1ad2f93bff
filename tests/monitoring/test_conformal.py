"""The conformal detector: false alarms, power, and its state."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import numpy.typing as npt
import pytest

from retread.monitoring import Streams, alarming_streams
from retread.monitoring.detectors.conformal import LARGEST_POOL, Conformal, ConformalState
from retread.monitoring.simulation import Traffic, simulate_watches

ALPHA = 0.05


def mixed_streams(rng: np.random.Generator, rows: int, **change: float) -> Streams:
    """A number, a three-way category and an embedding; `change` moves one of them."""
    weights = np.array([0.6 - change.get("category", 0.0), 0.3, 0.1 + change.get("category", 0.0)])
    return Streams(
        rows=rows,
        numeric={"number": rng.normal(change.get("number", 0.0), change.get("spread", 1.0), rows)},
        categorical={"category": rng.choice(["a", "b", "c"], p=weights, size=rows)},
        embedding=(rng.normal(size=(rows, 8)) + change.get("embedding", 0.0)).astype(np.float32),
    )


def watch(detector: Conformal, state: ConformalState, batches: list[Streams]) -> ConformalState:
    for batch in batches:
        state = detector.update(state, batch)
    return state


def test_traffic_without_a_change_raises_no_alarms(rng: np.random.Generator) -> None:
    detector = Conformal()
    alarms = 0
    for seed in range(40):
        state = detector.start(mixed_streams(rng, 120), seed)
        for _ in range(25):
            state = detector.update(state, mixed_streams(rng, 40))
            if alarming_streams(detector.evidence(state), ALPHA):
                alarms += 1
                break
    assert alarms <= 5  # 2 expected at most; 5 is three standard deviations more


@pytest.mark.parametrize(
    ("stream", "change"),
    [
        ("number", {"number": 1.0}),
        ("number", {"spread": 2.5}),
        ("category", {"category": 0.3}),
        ("embedding", {"embedding": 1.5}),
    ],
    ids=["shift", "spread", "category", "embedding"],
)
def test_each_kind_of_change_is_detected_and_named(
    stream: str, change: dict[str, float], rng: np.random.Generator
) -> None:
    detector = Conformal()
    state = watch(
        detector,
        detector.start(mixed_streams(rng, 400), 0),
        [mixed_streams(rng, 100), *(mixed_streams(rng, 100, **change) for _ in range(2))],
    )
    assert alarming_streams(detector.evidence(state), ALPHA)[:1] == (stream,)


def test_a_new_category_is_detected(rng: np.random.Generator) -> None:
    detector = Conformal()
    batches = [mixed_streams(rng, 100) for _ in range(4)]
    for batch in batches:
        batch.categorical["category"][:30] = "d"
    state = watch(detector, detector.start(mixed_streams(rng, 300), 0), batches)
    assert "category" in alarming_streams(detector.evidence(state), ALPHA)


def test_missing_values_are_a_change_too(rng: np.random.Generator) -> None:
    detector = Conformal()
    batch = mixed_streams(rng, 100)
    batch.numeric["number"][:40] = np.nan
    state = detector.update(detector.start(mixed_streams(rng, 300), 0), batch)
    assert alarming_streams(detector.evidence(state), ALPHA) == ("number",)


@pytest.mark.slow
def test_with_a_fixed_reference_quiet_traffic_would_raise_alarms() -> None:
    """Without all traffic since in the pool, quiet traffic would look like drift."""
    detector, rng = Conformal(), np.random.default_rng(0)
    alarms = 0
    for seed in range(10):
        start = state = detector.start(mixed_streams(rng, 60), seed)
        for _ in range(60):
            state = replace(detector.update(state, mixed_streams(rng, 60)), pool=start.pool)
        alarms += bool(alarming_streams(detector.evidence(state), ALPHA))
    assert alarms >= 5


def test_a_state_survives_encoding(rng: np.random.Generator) -> None:
    detector = Conformal()
    batches = [mixed_streams(rng, 50) for _ in range(4)]
    state = watch(detector, detector.start(mixed_streams(rng, 200), 3), batches[:2])
    again = watch(detector, detector.decode(detector.encode(state)), batches[2:])
    assert detector.evidence(again) == detector.evidence(watch(detector, state, batches[2:]))


def test_the_reference_and_the_first_window_use_different_random_bits() -> None:
    """Ties are broken by random bits alone, so equal bits would give equal keys.

    A single row needs no bits to be shuffled: its first bits break the tie, like those of the
    first window.
    """
    one = Streams(1, {"x": np.zeros(1)}, {}, np.zeros((1, 0), np.float32))
    detector = Conformal()
    for seed in range(5):
        pool = detector.update(detector.start(one, seed), one).pool
        assert len(np.unique(pool)) == 2


def test_the_pool_is_bounded(rng: np.random.Generator) -> None:
    detector = Conformal()
    state = detector.start(mixed_streams(rng, 9_000), 0)
    state = detector.update(state, mixed_streams(rng, 8_000))
    assert len(state.pool) == LARGEST_POOL
    assert not alarming_streams(detector.evidence(state), ALPHA)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_tiny_reference_is_not_an_error(rows: int, rng: np.random.Generator) -> None:
    detector = Conformal()
    state = detector.start(mixed_streams(rng, rows), 0)
    state = watch(detector, state, [mixed_streams(rng, 30) for _ in range(3)])
    assert max(detector.evidence(state).values()) < log(1 / ALPHA)


def test_without_streams_there_is_no_evidence(rng: np.random.Generator) -> None:
    empty = Streams(5, {}, {}, np.zeros((5, 0), np.float32))
    detector = Conformal()
    assert detector.evidence(detector.update(detector.start(empty, 0), empty)) == {}


def test_grouped_rows_count_for_less() -> None:
    """Photos of one tire resemble each other; photos of other tires are not drift."""
    rng = np.random.default_rng(0)
    detector, alarms = Conformal(), {True: 0, False: 0}
    for seed in range(30):
        tires = np.repeat(np.arange(40), 12)
        light = 1.5 * rng.normal(size=40)[tires] + rng.normal(size=480)
        first = tires < 15
        rest = rng.permutation(np.flatnonzero(~first))
        for known in (True, False):
            groups = tires[first].astype(np.str_) if known else None
            state = detector.start(_light(light[first], groups), seed)
            for rows in np.array_split(rest, 6):
                state = detector.update(state, _light(light[rows]))
            alarms[known] += bool(alarming_streams(detector.evidence(state), ALPHA))
    assert alarms[True] <= 3 < 5 <= alarms[False]


def test_small_shifts_are_detected_soon() -> None:
    """A shift of 0.3 sd is detected in the first window, one of 0.1 sd within six."""
    first = Traffic(name="0.3 sd", shift=0.3)
    assert simulate_watches(first, watches=12, windows=1).alarmed >= 11
    later = Traffic(name="0.1 sd", shift=0.1, reference=10_000)
    figures = simulate_watches(later, watches=12, windows=6)
    assert figures.alarmed >= 10
    assert figures.median_windows is not None
    assert figures.median_windows <= 5


@pytest.mark.slow
def test_few_of_many_long_watches_raise_a_false_alarm() -> None:
    """Independent streams count as independent watches; the correction for their number is undone.

    At alpha 0.05 about 0.02 of them ever raise an alarm.
    """
    watches, rng, detector = 500, np.random.default_rng(0), Conformal()
    names = [f"{number:03}" for number in range(watches)]

    def rows(count: int) -> Streams:
        values = rng.normal(size=(watches, count))
        columns = dict(zip(names, values, strict=True))
        return Streams(count, columns, {}, np.zeros((count, 0), np.float32))

    state = detector.start(rows(1_000), seed=0)
    most = np.full(watches, -np.inf)
    for _ in range(1_000):
        state = detector.update(state, rows(10))
        evidence = detector.evidence(state)
        most = np.maximum(most, [evidence[name] + log(watches) for name in names])
    for alpha in (0.5, 0.2, 0.1, ALPHA, 0.02):
        assert float((most >= log(1 / alpha)).mean()) <= alpha


def _light(values: npt.NDArray[np.float64], groups: npt.NDArray[np.str_] | None = None) -> Streams:
    return Streams(
        rows=len(values),
        numeric={"light": values},
        categorical={},
        embedding=np.zeros((len(values), 0), dtype=np.float32),
        groups=np.zeros(0, dtype=np.str_) if groups is None else groups,
    )
