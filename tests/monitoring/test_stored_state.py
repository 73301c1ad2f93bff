"""The monitor's state that was stored at commit 600437c can still be loaded."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import pytest
from sqlalchemy import insert
from tests.monitoring.harness import MonitorHarness

from retread.monitoring.performance import LabelledPrediction, PendingPrediction
from retread.monitoring.state import MONITOR_STATE, decode_state, encode_state, load_state
from retread.serving.traffic import Cursor

STORED = json.loads(Path(__file__).with_name("stored_monitor_state.json").read_text("utf-8"))


def test_a_stored_state_can_be_loaded(harness: MonitorHarness) -> None:
    with harness.database.write() as connection:
        for row in STORED["monitor_state"]:
            values = {"name": row["name"], "content": b64decode(row["content"])}
            connection.execute(insert(MONITOR_STATE).values(**values))
    state = load_state(harness.database, {})
    assert state is not None
    assert (state.promotion, state.cursor, state.labels) == (9, Cursor("segment-1", 7), 5)
    assert (state.watch.windows, state.watch.requests) == (3, 150)
    assert [record.id for record in state.watch.waiting] == ["a1"]
    performance = state.performance
    assert performance is not None
    assert performance.waiting == (PendingPrediction("a2", (0.5, 0.5)),)
    assert performance.recent == (LabelledPrediction("a0", (0.25, 0.75), "defective"),)
    assert (performance.labelled, performance.missed) == (3, 2)
    assert performance.test.lower_bound == pytest.approx(0.14)
    assert performance.test.any_time
    assert performance.test.mean == pytest.approx(0.58 / 3)


def test_a_state_survives_encoding() -> None:
    (stored,) = (b64decode(row["content"]) for row in STORED["monitor_state"])
    state = decode_state(stored, {})
    again = decode_state(encode_state(state), {})
    assert again.performance == state.performance
    assert again.watch.recent == state.watch.recent
