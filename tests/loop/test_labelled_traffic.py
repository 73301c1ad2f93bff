"""Labelled traffic becomes data: once, and only what can be trained on."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retread.app.datasets import add_data, add_request
from retread.app.loop_adapters import LoopData
from retread.app.workspace import Workspace
from retread.data import ID, LABEL
from retread.data.traffic_source import traffic_source
from retread.project import open_project
from retread.serving import Answer, PredictionRecord

TABLE = """
[project]
name = "flowers"
[data]
dataset = "flowers"
source = "flowers.csv"
labels = "kind"
[recipe]
kind = "tabular-classification"
"""
IMAGES = """
[project]
name = "dots"
[data]
dataset = "dots"
source = "photos"
"""


@pytest.fixture
def flowers(tmp_path: Path) -> Iterator[Workspace]:
    rows = [f"{i / 10},{'ab'[i % 2]},{['rose', 'lily'][i % 3 == 0]}" for i in range(60)]
    (tmp_path / "flowers.csv").write_text("\n".join(["size,soil,kind", *rows]))
    yield from opened(tmp_path, TABLE)


@pytest.fixture
def dots(tmp_path: Path) -> Iterator[Workspace]:
    for label in ("good", "bad"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(12):
            path = tmp_path / "photos" / label / f"{number}.png"
            path.write_bytes(photo(hash((label, number)) % 1000))
    yield from opened(tmp_path, IMAGES)


def opened(root: Path, settings: str) -> Iterator[Workspace]:
    (root / "retread.toml").write_text(settings)
    workspace = Workspace(open_project(root, {}))
    add_data(workspace, add_request(workspace, workspace.settings.data.dataset))
    yield workspace
    workspace.database.close()


def photo(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def answered(number: int, *, status: int = 200, payload: str = "") -> PredictionRecord:
    answer = Answer(
        slot="production", version=1, bundle="sha256:0", outputs=(0.1, 0.9), latency_ms=1.0
    )
    return PredictionRecord(
        id=f"req-{number}",
        at=1_700_000_000.0 + number,
        key="",
        status=status,
        answer=answer if status == 200 else None,
        numeric={} if payload or status != 200 else {"size": 3.0 + number / 8},
        categorical={} if payload or status != 200 else {"soil": "c"},
        payload=payload,
    )


def record(work: Workspace, records: Sequence[PredictionRecord], label: str = "") -> None:
    work.traffic.append(records)
    if label:
        work.labels.put([(r.id, label) for r in records], 0.0)


def test_rows_of_a_table(flowers: Workspace) -> None:
    record(flowers, [answered(n) for n in range(10)], "rose")
    data = LoopData(flowers)
    assert data.labelled() == 10

    made = data.collect(traffic_source("trg_1"), at_least=5)

    assert made is not None
    assert (made.number, made.rows, made.source) == (2, 70, "traffic:trg_1")
    rows = flowers.datasets.read(made).to_pylist()
    taken = {row[ID]: row for row in rows if row[ID].startswith("traffic-")}
    assert len(taken) == 10
    row = taken["traffic-req-3"]
    assert (row["size"], row["soil"], row[LABEL]) == (3.375, "c", "rose")
    assert data.labelled() == 0, "what is in the data is not counted again"


def test_collecting_again_returns_the_same_version(flowers: Workspace) -> None:
    record(flowers, [answered(n) for n in range(10)], "rose")
    first = LoopData(flowers).collect(traffic_source("trg_1"), at_least=5)
    again = LoopData(flowers).collect(traffic_source("trg_1"), at_least=5)
    assert first == again
    assert len(flowers.datasets.versions("flowers")) == 2


def test_delayed_labels_count_from_their_arrival(flowers: Workspace) -> None:
    records = [answered(n) for n in range(10)]
    record(flowers, records)
    data = LoopData(flowers)
    assert data.labelled() == 0
    flowers.labels.put([(r.id, "lily") for r in records[:4]], 0.0)
    assert data.labelled() == 4
    assert data.collect(traffic_source("trg_1"), at_least=5) is None
    record(flowers, [answered(n) for n in range(10, 13)], "rose")
    assert data.labelled() == 7
    made = data.collect(traffic_source("trg_1"), at_least=5)
    assert made is not None
    assert made.rows == 67


def test_what_cannot_be_trained_on_is_left_out(flowers: Workspace) -> None:
    """Feedback cannot add a class (training data poisoning), and failed requests have no label."""
    record(flowers, [answered(1)], "tulip")
    record(flowers, [answered(2, status=503)], "rose")
    flowers.labels.put([("req-unknown", "rose")], 0.0)
    assert LoopData(flowers).labelled() == 0


def test_a_retried_request_is_one_row(flowers: Workspace) -> None:
    """The client retried a 503 under the same id, and then again."""
    record(flowers, [answered(1, status=503), answered(1), answered(1), answered(2)], "rose")
    data = LoopData(flowers)
    assert data.labelled() == 2
    made = data.collect(traffic_source("trg_1"), at_least=2)
    assert made is not None
    assert made.rows == 62
    taken = [row for row in flowers.datasets.read(made).to_pylist() if row[ID] == "traffic-req-1"]
    assert [row["size"] for row in taken] == [3.125], "the answered request, not the refused one"


def test_images_come_from_their_payloads(dots: Workspace) -> None:
    records = [answered(n, payload=dots.traffic.put_payload(photo(5000 + n))) for n in range(6)]
    record(dots, records, "bad")
    made = LoopData(dots).collect(traffic_source("trg_1"), at_least=6)
    assert made is not None
    assert made.labels == {"bad": 18, "good": 12}


def test_the_fingerprint_of_the_source_follows_its_files(flowers: Workspace) -> None:
    data = LoopData(flowers)
    before = data.fingerprint()
    assert before == data.fingerprint()
    source = flowers.project.root / "flowers.csv"
    source.write_text(source.read_text() + "\n99.5,a,rose\n")
    assert data.fingerprint() != before
    assert data.add_source().rows == 61


def test_a_new_source_keeps_the_rows_from_traffic(flowers: Workspace) -> None:
    record(flowers, [answered(n) for n in range(10)], "rose")
    data = LoopData(flowers)
    data.collect(traffic_source("trg_1"), at_least=5)
    source = flowers.project.root / "flowers.csv"
    source.write_text(source.read_text() + "\n99.5,a,rose\n")
    assert data.add_source().rows == 71
