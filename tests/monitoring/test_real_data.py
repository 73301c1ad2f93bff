"""Real traffic: no alarms without a relevant change, and alarms for a new camera."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from retread.bundle import STATISTICS, decode_image, image_statistics
from retread.monitoring import Streams, alarming_streams, effect_sizes, load_detector
from retread.project.settings import MonitoringSection

DATA = Path(os.environ.get("RETREAD_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
SETTINGS = MonitoringSection()
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no real data in {DATA}; set RETREAD_TEST_DATA"
)
Rows = npt.NDArray[np.int64]


def first_alarm(reference: Streams, traffic: Streams, window: int, seed: int) -> int | None:
    """Return the number of the first window with an alarm, from 1; None without an alarm."""
    detector = load_detector("conformal")
    state = detector.start(reference, seed)
    for number in range(1, traffic.rows // window + 1):
        end = number * window
        state = detector.update(state, traffic.take(slice(end - window, end)))
        named = alarming_streams(detector.evidence(state), SETTINGS.alpha)
        recent = traffic.take(slice(max(0, end - max(window, 100)), end))
        effects = effect_sizes(reference, recent, named)
        if any(effect >= SETTINGS.min_effect for effect in effects.values()):
            return number
    return None


def image_streams(
    columns: Mapping[str, npt.NDArray[np.float64]], groups: npt.NDArray[np.str_] | None = None
) -> Streams:
    rows = len(columns["brightness"])
    return Streams(
        rows=rows,
        numeric=columns,
        categorical={},
        embedding=np.zeros((rows, 0), dtype=np.float32),
        groups=np.zeros(0, dtype=np.str_) if groups is None else groups,
    )


def photo_statistics(
    folder: Path, rows: list[dict[str, str]]
) -> dict[str, npt.NDArray[np.float64]]:
    found = [
        image_statistics(decode_image((folder / row["label"] / row["file"]).read_bytes(), 256))
        for row in rows
    ]
    return {name: np.array([one[name] for one in found]) for name in STATISTICS}


def manifest_rows(folder: str) -> list[dict[str, str]]:
    with (DATA / folder / "manifest.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@needs_data
@pytest.mark.parametrize("window", [500, 2_000])
def test_four_census_years_raise_no_alarm(window: int) -> None:
    path = DATA / "census_ma_employment" / "events_sample20.csv.gz"
    with gzip.open(path, "rt") as file:
        table = list(csv.DictReader(file))
    rng = np.random.default_rng(0)
    years = np.array([int(row["year"]) for row in table])
    # The file lists people of one address together; traffic would not.
    order = rng.permutation(len(table))
    order = order[np.argsort(years[order], kind="stable")]
    names = [name for name in table[0] if name not in {"id", "year", "AGEP"}]
    streams = Streams(
        rows=len(table),
        numeric={"AGEP": np.array([float(row["AGEP"]) for row in table])},
        categorical={name: np.array([row[name] for row in table]) for name in names},
        embedding=np.zeros((len(table), 0), dtype=np.float32),
    ).take(order)
    first_year = int((years == 2015).sum())
    reference, traffic = streams.take(slice(0, first_year)), streams.take(slice(first_year, None))
    assert first_alarm(reference, traffic, window, seed=0) is None
    older = traffic.take(np.arange(traffic.rows))
    older.numeric["AGEP"][traffic.rows // 2 :] += 12
    assert first_alarm(reference, older, window, seed=0) is not None


@needs_data
@pytest.mark.slow
def test_a_new_camera_is_detected_within_a_day() -> None:
    rows = [row for row in manifest_rows("bsdata") if row["part"] == "screw_stream"]
    rows.sort(key=lambda row: row["timestamp"])
    columns = photo_statistics(DATA / "bsdata" / "screw_stream", rows)
    streams = image_streams(columns)
    new_camera = np.array([row["camera"] == "crop_1" for row in rows])
    times = np.array([row["timestamp"] for row in rows], dtype="datetime64[s]")[new_camera]
    in_a_day = int((times <= times[0] + np.timedelta64(1, "D")).sum())
    for seed in range(3):
        old = np.random.default_rng(seed).permutation(np.flatnonzero(~new_camera))
        reference, quiet = streams.take(old[:312]), old[312 : 312 + 240]
        traffic = streams.take(np.concatenate([quiet, np.flatnonzero(new_camera)]))
        alarm = first_alarm(reference, traffic, window=24, seed=seed)
        assert alarm is not None
        assert 10 < alarm <= 10 + in_a_day // 24


@needs_data
@pytest.mark.slow
def test_photos_of_other_tires_raise_no_alarm_and_dim_light_does() -> None:
    rows = [row for row in manifest_rows("tires") if row["label"] != "ambiguous"]
    columns = photo_statistics(DATA / "tires", rows)
    groups = np.array([row["group"] for row in rows])
    streams = image_streams(columns, groups)
    detected = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        tires = rng.permutation(np.unique(groups))
        held_out = np.isin(groups, tires[: int(0.35 * len(tires))])
        # Drawn without replacement: no photo comes twice, as in real traffic.
        unseen = rng.permutation(np.flatnonzero(~held_out))
        reference, traffic = streams.take(np.flatnonzero(held_out)), streams.take(unseen)
        assert first_alarm(reference, traffic, window=50, seed=seed) is None
        for name in ("brightness", "contrast", "red", "green", "blue"):
            traffic.numeric[name][150:] *= 0.55
        detected += first_alarm(reference, traffic, window=50, seed=seed) in range(4, 10)
    assert detected >= 19
