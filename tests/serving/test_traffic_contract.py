"""The contract of every TrafficLog."""

from __future__ import annotations

from pathlib import Path

import pytest

from retread.core import NotFound
from retread.serving import Cursor, SegmentTrafficLog, TrafficLog

from .test_traffic_log import record


@pytest.fixture(params=["segments"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> TrafficLog:
    """Make a log of every adapter; a new adapter is a new parameter."""
    adapters = {"segments": lambda: SegmentTrafficLog(tmp_path, rotate_bytes=300)}
    return adapters[request.param]()


def test_reading_continues_from_the_cursor(log: TrafficLog) -> None:
    log.append([record(f"r{i}", i) for i in range(7)])
    first, cursor = log.read(Cursor(), 3)
    assert [r.id for r in first] == ["r0", "r1", "r2"]
    assert first[0] == record("r0", 0)
    log.append([record("r7", 7)])
    rest, cursor = log.read(cursor, 100)
    assert [r.id for r in rest] == ["r3", "r4", "r5", "r6", "r7"]
    assert cursor.offset == 8
    assert log.read(cursor, 100) == ((), cursor)


def test_a_request_is_found_by_its_id(log: TrafficLog) -> None:
    log.append([record(f"r{i}", i) for i in range(20)])
    log.append([record("r1.1", 21)])
    found = log.find("r1")
    assert found is not None
    assert found.at == 1
    assert log.find("r1.1") == record("r1.1", 21)
    assert log.find("r99") is None
    assert log.find('"') is None
    assert log.find("\n") is None


def test_images_are_kept_by_their_content(log: TrafficLog) -> None:
    digest = log.put_payload(b"an image")
    assert log.put_payload(b"an image") == digest
    assert log.payload(digest) == b"an image"
    for wrong in ("sha256:" + "0" * 64, "../../etc/passwd", ""):
        with pytest.raises(NotFound):
            log.payload(wrong)
