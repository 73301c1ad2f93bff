"""Looking up which requests were answered."""

from __future__ import annotations

from pathlib import Path

from retread.serving import PredictionRecord, SegmentTrafficLog
from retread.serving.recording.answered_ids import AnsweredIds


def test_u6_answers_of_any_segment_and_writer_are_found(tmp_path: Path) -> None:
    logs = [SegmentTrafficLog(tmp_path, rotate_bytes=300) for _ in range(2)]
    for number in range(20):
        name = f"id-{number}"
        record = PredictionRecord(id=name, at=float(number), key="other", status=200, answer=None)
        logs[number % 2].append([record])
    for log in logs:
        log.close()
    wanted = [f"id-{number}" for number in range(25)]
    assert AnsweredIds(tmp_path).of([*wanted, "other", "id-"]) == set(wanted[:20])
    assert len(AnsweredIds(tmp_path, most_bytes=1).of(wanted)) < 20
    assert AnsweredIds(tmp_path / "nothing").of(wanted) == set()
