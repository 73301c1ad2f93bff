"""The data of the loop follows its source, and keeps rows collected from traffic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from retread.app.datasets import add_data, add_request
from retread.app.loop_adapters import LoopData
from retread.app.workspace import Workspace
from retread.core.quarantine import VersionState
from retread.data import ID, LABEL, diff
from retread.data.traffic_source import traffic_source
from retread.project import open_project
from retread.serving import Answer, PredictionRecord

SETTINGS = """
[data]
dataset = "flowers"
source = "flowers.csv"
labels = "kind"
[recipe]
kind = "tabular-classification"
"""
ROWS = [(f"{i / 10}", "rose" if i % 3 else "lily") for i in range(60)]


@pytest.fixture
def flowers(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "retread.toml").write_text(SETTINGS)
    workspace = Workspace(open_project(tmp_path, {}))
    write(workspace, ROWS)
    add_data(workspace, add_request(workspace, "flowers"))
    yield workspace
    workspace.database.close()


def write(workspace: Workspace, rows: Sequence[tuple[str, str]]) -> None:
    lines = ["size,kind", *(f"{size},{kind}" for size, kind in rows)]
    (workspace.project.root / "flowers.csv").write_text("\n".join(lines))


def labelled(workspace: Workspace, sizes: Sequence[float]) -> None:
    """Record predictions and their labels."""
    answer = Answer(
        slot="production", version=1, bundle="sha256:0", outputs=(0.1, 0.9), latency_ms=1.0
    )
    records = [
        PredictionRecord(
            id=f"req-{size}",
            at=1_700_000_000.0,
            key="",
            status=200,
            answer=answer,
            numeric={"size": size},
            categorical={},
            payload="",
        )
        for size in sizes
    ]
    workspace.traffic.append(records)
    workspace.labels.put([(record.id, "rose") for record in records], 0.0)


def test_rows_removed_from_the_source_are_removed_and_traffic_is_kept(flowers: Workspace) -> None:
    labelled(flowers, [3.01, 3.02])
    data = LoopData(flowers)
    before = data.collect(traffic_source("trg_1"), at_least=2)
    assert before is not None
    corrected = [(size, "lily" if size == "0.1" else kind) for size, kind in ROWS[:-1]]
    write(flowers, corrected)
    after = data.add_source()
    change = diff(flowers.datasets, before, after)
    assert (change.added, change.removed, change.relabelled) == (0, 1, 1)
    assert after.rows == 59 + 2
    labels = flowers.datasets.read(after, columns=["size", LABEL]).to_pylist()
    assert [row[LABEL] for row in labels if row["size"] == 0.1] == ["lily"]
    ids = flowers.datasets.read(after, columns=[ID])[ID].to_pylist()
    assert sum(id_.startswith("traffic-") for id_ in ids) == 2
    assert data.labelled() == 0


def test_quarantined_traffic_does_not_block_later_traffic(flowers: Workspace) -> None:
    labelled(flowers, [1e5])
    data = LoopData(flowers)
    held = data.collect(traffic_source("trg_1"), at_least=1)
    assert held is not None
    assert held.state is VersionState.QUARANTINED
    labelled(flowers, [2.01, 2.02])
    assert data.labelled() == 2
    good = data.collect(traffic_source("trg_2"), at_least=2)
    assert good is not None
    assert (good.number, good.state, good.rows) == (3, VersionState.RELEASED, 62)
    write(flowers, [*ROWS, ("3.05", "rose")])
    assert (data.add_source().rows, data.labelled()) == (63, 0)
    flowers.datasets.release("flowers", held.number)
    assert data.labelled() == 1, "it was released manually"
