"""The recorder: its limits, and what it writes."""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from tests.bundles import IMAGE_SIZE, iris_bundle, mixed_bundle, tiny_image_bundle

from retread.bundle import LocalBundleStore
from retread.registry.events import Slot
from retread.serving import Cursor, SegmentTrafficLog
from retread.serving.call import Call
from retread.serving.metrics import RecorderCounts
from retread.serving.recording.answered_ids import AnsweredIds
from retread.serving.recording.recorder import Recorder
from retread.serving.recording.records import FastLineEncoder, PendingRecord
from retread.serving.recording.traffic_log import decode_line
from retread.serving.rows import Rows
from retread.serving.runtime import ModelResult, load_runtime
from retread.serving.slots import SlotEntry


def calls(count: int, image: bytes = b"") -> list[Call]:
    made = []
    for index in range(count):
        call = Call()
        call.id, call.at, call.status = f"r{index}", float(index), 400
        call.images = [image] if image else ()
        made.append(call)
    return made


def recorder(log: SegmentTrafficLog, capacity: int = 100, *, payloads: bool = True) -> Recorder:
    return Recorder(log, capacity=capacity, payloads=payloads, keep_s=1e9)


def test_records_beyond_the_capacity_are_dropped_and_counted(tmp_path: Path) -> None:
    log = SegmentTrafficLog(tmp_path)
    bounded = recorder(log, capacity=10)
    bounded.put(calls(8))
    bounded.put(calls(8))
    assert (bounded.waiting, bounded.counts.dropped) == (10, 6)
    bounded.start()
    bounded.stop()
    assert bounded.counts.written == 10
    assert len(log.read(Cursor(), 100)[0]) == 10


def test_u06_what_is_queued_can_be_written_at_once(tmp_path: Path) -> None:
    log = SegmentTrafficLog(tmp_path)
    prompt = recorder(log, capacity=1000)
    prompt.start()
    answered = AnsweredIds(tmp_path, flush=prompt.flush)
    for number in range(20):
        made = calls(number + 1)
        prompt.put(made)
        assert answered.of([made[-1].id], flush=True) == {f"r{number}"}
        assert prompt.counts.written == (number + 1) * (number + 2) // 2
    prompt.stop()


def test_large_images_are_dropped_before_memory_runs_out(tmp_path: Path) -> None:
    bounded = recorder(SegmentTrafficLog(tmp_path))
    bounded.put(calls(5, image=bytes(20_000_000)))
    assert (bounded.waiting, bounded.counts) == (5, RecorderCounts(0, 0, 2))


def test_recording_of_images_can_be_switched_off(tmp_path: Path) -> None:
    log = SegmentTrafficLog(tmp_path)
    without = recorder(log, payloads=False)
    without.put(calls(1, image=b"photo"))
    without.start()
    without.stop()
    assert not (tmp_path / "payloads").exists()
    assert without.counts.dropped_payloads == 0


def test_records_that_a_full_disk_does_not_take_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SegmentTrafficLog(tmp_path)

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log, "append_lines", full)
    unlucky = recorder(log)
    unlucky.put(calls(3))
    unlucky.start()
    unlucky.stop()
    assert unlucky.counts == RecorderCounts(written=0, dropped=3, dropped_payloads=0)


def test_a_record_is_written_though_its_image_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the queue is empty afterwards."""
    log = SegmentTrafficLog(tmp_path)

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log, "put_payload", full)
    unlucky = recorder(log)
    unlucky.put(calls(3, image=bytes(1_000_000)))
    assert unlucky.waiting_bytes == 3_000_000
    unlucky.start()
    unlucky.stop()
    assert unlucky.counts == RecorderCounts(written=3, dropped=0, dropped_payloads=3)
    assert unlucky.waiting_bytes == 0
    assert [record.payload for record in log.read(Cursor(), 10)[0]] == ["", "", ""]


def test_an_image_that_was_half_written_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SegmentTrafficLog(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _full)
        with pytest.raises(OSError, match="No space"):
            log.put_payload(b"photo")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_record_that_cannot_be_made_does_not_end_recording(tmp_path: Path) -> None:
    log = SegmentTrafficLog(tmp_path)
    steady = recorder(log)
    bad, good = calls(2)
    bad.key = "\ud800"  # half of a character: not text
    steady.put([bad, good])
    steady.start()
    steady.stop()
    assert (steady.counts.written, steady.counts.dropped) == (1, 1)
    assert [record.id for record in log.read(Cursor(), 10)[0]] == ["r1"]


def test_the_queue_is_bounded_in_memory(tmp_path: Path) -> None:
    """It holds what the records need: no tensors, no pixels."""
    store = LocalBundleStore(tmp_path / "bundles")
    runtime = load_runtime(store, tiny_image_bundle(store))
    entry = SlotEntry(Slot.PRODUCTION, 1, 1, 1.0, runtime)
    bounded = recorder(SegmentTrafficLog(tmp_path / "traffic"), capacity=1_000_000)
    (photo,) = calls(1)
    pixels = np.zeros((500, IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    gone = weakref.ref(pixels)
    photo.rows = Rows(500, pixels=pixels)
    photo.entry = entry
    photo.result = ModelResult([[0.5, 0.5]] * 500, None, 1.0)
    bounded.put([photo])
    del photo, pixels
    assert gone() is None
    before = bounded.waiting_bytes
    assert before >= 500 * 2 * 8
    (table,) = calls(1)
    table.rows = Rows(1, features=bytes(50_000_000))
    table.entry = entry
    table.result = ModelResult([[0.5, 0.5]], None, 1.0)
    for _ in range(5):
        bounded.put([table])
    assert (bounded.waiting, bounded.counts.dropped) == (4, 2)


def test_each_row_leaves_a_record_with_its_features(tmp_path: Path) -> None:
    store = LocalBundleStore(tmp_path / "bundles")
    runtime = load_runtime(store, mixed_bundle(store))
    (call,) = calls(1)
    call.rows = Rows(
        2,
        features=b"".join(v.to_bytes(4, "little") for v in (0x40000000, 0x7FC00000)),
        categories=[["monday"], ["sunday"]],
    )
    (scored,) = runtime.score([call.rows])
    call.entry = SlotEntry(Slot.PRODUCTION, 1, 1, 1.0, runtime)
    call.result = ModelResult(scored.outputs, None, scored.milliseconds)
    log = SegmentTrafficLog(tmp_path / "traffic")
    keeping = recorder(log)
    keeping.put([call])
    keeping.start()
    keeping.stop()
    first, second = log.read(Cursor(), 10)[0]
    assert (first.id, second.id) == ("r0", "r0.1")
    assert first.numeric == {"hours": 2.0}
    assert second.numeric == {}
    assert (first.categorical, second.categorical) == ({"day": "monday"}, {"day": "sunday"})
    assert first.answer is not None
    assert second.answer is not None
    assert first.answer.outputs == (2.0,)
    assert second.answer.error == "the answer is not finite"


def test_the_fast_encoder_writes_the_same_record(tmp_path: Path) -> None:
    store = LocalBundleStore(tmp_path)
    runtime = load_runtime(store, iris_bundle(store))
    assert runtime.pack_row is not None
    (call,) = calls(1)
    call.status, call.key, call.values = 200, 'a "key"', (5.5, 3.0, 1e-9, 2.0)
    call.rows = Rows(1, runtime.pack_row(*call.values))
    (call.result,) = runtime.score([call.rows])
    call.entry = SlotEntry(Slot.PRODUCTION, 3, 1, 1.0, runtime)
    line = FastLineEncoder().encode(call)
    assert line is not None
    short = decode_line(line)
    (full,) = PendingRecord.of(call, 1000).records(())
    assert short is not None
    assert short.numeric == pytest.approx(full.numeric, rel=1e-6)
    assert replace(short, numeric={}) == replace(full, numeric={})
