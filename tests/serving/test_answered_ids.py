"""Looking up which requests were answered."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pytest

from retread.serving import PredictionRecord, SegmentTrafficLog
from retread.serving.recording.answered_ids import AnsweredIds
from retread.serving.recording.traffic_log import encode_line


def record_of(
    name: str, at: float = 0.0, *, caller_id: str = "", payload: str = ""
) -> PredictionRecord:
    return PredictionRecord(
        id=name,
        caller_id=caller_id,
        at=at,
        key="other",
        status=200,
        answer=None,
        payload=payload,
    )


def test_u6_answers_of_any_segment_and_writer_are_found(tmp_path: Path) -> None:
    logs = [SegmentTrafficLog(tmp_path, rotate_bytes=300) for _ in range(2)]
    for number in range(20):
        logs[number % 2].append([record_of(f"id-{number}", float(number))])
    for log in logs:
        log.close()
    wanted = [f"id-{number}" for number in range(25)]
    assert AnsweredIds(tmp_path).of([*wanted, "other", "id-"]) == set(wanted[:20])
    assert len(AnsweredIds(tmp_path, most_bytes=1).of(wanted)) < 20
    assert AnsweredIds(tmp_path / "nothing").of(wanted) == set()


@pytest.mark.parametrize("caller_id", ["order-17", '"quoted"\\back', 'a","at":1', "x" * 256])
def test_u6_an_answer_is_found_by_the_id_of_its_caller(tmp_path: Path, caller_id: str) -> None:
    log = SegmentTrafficLog(tmp_path)
    log.append([record_of("one"), record_of("two", caller_id=caller_id), record_of("three")])
    log.close()
    assert AnsweredIds(tmp_path).of([caller_id, "order", caller_id[:-1]]) == {caller_id}


@pytest.mark.parametrize("chunk_bytes", [1, 7, 100, 1000])
def test_u6_lines_that_lie_in_two_chunks_are_read_whole(tmp_path: Path, chunk_bytes: int) -> None:
    log = SegmentTrafficLog(tmp_path)
    sizes = random.Random(1)
    names = [f"id-{number}" for number in range(30)]
    log.append([record_of(name, payload="p" * sizes.randrange(300)) for name in names])
    log.close()
    answered = AnsweredIds(tmp_path, chunk_bytes=chunk_bytes)
    assert answered.of([*names, "id-30"]) == set(names)
    assert answered.of(["id-29"]) == {"id-29"}


@pytest.mark.slow
def test_u6_a_lookup_takes_little_memory(tmp_path: Path) -> None:
    log = SegmentTrafficLog(tmp_path)
    log.append([record_of(f"id-{number}") for number in range(100_000)])
    log.close()
    tracemalloc.start()
    try:
        assert AnsweredIds(tmp_path).of(["id-0", "unknown"]) == {"id-0"}
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_u6_each_line_is_read_once_however_often_unknown_ids_are_asked_for(tmp_path: Path) -> None:
    log = SegmentTrafficLog(tmp_path, rotate_bytes=3000)
    answered = AnsweredIds(tmp_path)
    names = [f"id-{number}" for number in range(100)]
    for name in names:
        log.append([record_of(name)])
        assert answered.of([name, "unknown"]) == {name}
    # What is overwritten would not be found if it were read again.
    for segment in tmp_path.glob("w0/*.jsonl"):
        segment.write_bytes(b" " * segment.stat().st_size)
    assert answered.of([*names, "unknown"]) == set(names)
    log.append([record_of("later", caller_id="order-1")])
    assert answered.of(["later", "order-1", "id-0"]) == {"later", "order-1", "id-0"}
    log.close()


def test_u6_a_line_counts_once_its_end_is_written(tmp_path: Path) -> None:
    log = SegmentTrafficLog(tmp_path)
    log.append([record_of("whole")])
    log.close()
    (segment,) = tmp_path.glob("w0/*.jsonl")
    line = encode_line(record_of("later", caller_id="order-1"))
    answered = AnsweredIds(tmp_path)
    for part in (line[:9], line[9:40], line[40:-1]):
        with segment.open("ab") as file:
            file.write(part)
        assert answered.of(["whole", "later", "order-1"]) == {"whole"}
    with segment.open("ab") as file:
        file.write(b"\n")
    assert answered.of(["whole", "later", "order-1"]) == {"whole", "later", "order-1"}


def test_u6_what_has_expired_is_forgotten(tmp_path: Path) -> None:
    log = SegmentTrafficLog(tmp_path, rotate_bytes=1)
    log.append([record_of("old")])
    log.append([record_of("new")])
    log.close()
    answered = AnsweredIds(tmp_path)
    assert answered.of(["old", "new"]) == {"old", "new"}
    min(tmp_path.glob("w0/*.jsonl")).unlink()
    assert answered.of(["old", "new"]) == {"new"}
