"""Segments: order, writers, incomplete and damaged lines, age."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.core import NotFound
from retread.serving import Answer, Cursor, PredictionRecord, SegmentTrafficLog
from retread.serving.recording.traffic_log import segments_of

BUNDLE = "sha256:" + "0" * 64


def record(name: str, at: float = 1.0) -> PredictionRecord:
    answer = Answer(
        slot="production", version=1, bundle=BUNDLE, outputs=(0.25, 0.75), latency_ms=0.1
    )
    return PredictionRecord(id=name, at=at, key=name, status=200, answer=answer)


def ids(log: SegmentTrafficLog, after: Cursor = Cursor(), limit: int = 1000) -> list[str]:  # noqa: B008 - frozen
    return [r.id for r in log.read(after, limit)[0]]


@pytest.mark.slow
@given(
    batches=st.lists(st.integers(0, 5), max_size=8),
    limits=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    rotate=st.integers(1, 2000),
)
def test_each_record_is_read_once_and_in_order_at_any_pace(
    tmp_path_factory: pytest.TempPathFactory, batches: list[int], limits: list[int], rotate: int
) -> None:
    log = SegmentTrafficLog(tmp_path_factory.mktemp("log"), rotate_bytes=rotate)
    expected: list[str] = []
    seen: list[str] = []
    cursor = Cursor()
    for turn, size in enumerate(batches):
        names = [f"{turn}-{i}" for i in range(size)]
        log.append([record(name, turn) for name in names])
        expected += names
        found, cursor = log.read(cursor, limits[turn % len(limits)])
        seen += [r.id for r in found]
    while found := log.read(cursor, 3)[0]:
        seen += [r.id for r in found]
        cursor = log.read(cursor, 3)[1]
    log.close()
    assert seen == expected


def test_writers_are_merged_by_time_and_late_records_are_not_lost(tmp_path: Path) -> None:
    one, two = SegmentTrafficLog(tmp_path), SegmentTrafficLog(tmp_path)
    one.append([record("a", 1), record("c", 3)])
    two.append([record("b", 2)])
    found, cursor = one.read(Cursor(), 10)
    assert [r.id for r in found] == ["a", "b", "c"]
    two.append([record("late", 2.5)])
    assert ids(one, cursor) == ["late"]


def test_a_restarted_writer_continues_in_a_new_segment(tmp_path: Path) -> None:
    first = SegmentTrafficLog(tmp_path)
    first.append([record("a")])
    first.close()
    SegmentTrafficLog(tmp_path).append([record("b")])
    assert [s.number for s in segments_of(tmp_path / "w0")] == [1, 2]


def test_an_incomplete_last_line_is_skipped(tmp_path: Path) -> None:
    first = SegmentTrafficLog(tmp_path)
    first.append([record("a", 1)])
    first.close()
    (segment,) = segments_of(tmp_path / "w0")
    with segment.path.open("ab") as file:
        file.write(b'{"id":"torn","at":1.5,"k')
    log = SegmentTrafficLog(tmp_path)
    found, cursor = log.read(Cursor(), 10)
    assert [r.id for r in found] == ["a"]
    log.append([record("b", 2)])
    assert ids(log, cursor) == ["b"]
    assert log.find("torn") is None


def test_a_damaged_line_does_not_hide_those_after_it(tmp_path: Path) -> None:
    log = SegmentTrafficLog(tmp_path)
    log.append([record("a")])
    (segment,) = segments_of(tmp_path / "w0")
    with segment.path.open("ab") as file:
        file.write(b"\x00\xff garbage\n")
    log.append([record("b")])
    assert ids(log) == ["a", "b"]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = SegmentTrafficLog(tmp_path)
    log.append([record("a")])
    real = os.write

    def half(descriptor: int, content: bytes) -> int:
        real(descriptor, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space"):
            log.append([record("lost")])
    log.append([record("b")])
    assert ids(log) == ["a", "b"]


def test_old_files_are_deleted_but_not_the_segment_in_use(tmp_path: Path) -> None:
    log = SegmentTrafficLog(tmp_path, rotate_bytes=1)
    for name in ("a", "b", "c"):
        log.append([record(name)])
    digest = log.put_payload(b"old")
    for segment in segments_of(tmp_path / "w0"):
        os.utime(segment.path, (1000, 1000))
    os.utime(next((tmp_path / "payloads").glob("*/*")), (1000, 1000))
    _, cursor = log.read(Cursor(), 1)
    assert log.expire(before=2000) == 3
    assert ids(log, cursor) == ["c"]
    with pytest.raises(NotFound):
        log.payload(digest)
