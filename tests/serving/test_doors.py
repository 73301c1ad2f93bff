"""The file that a model was trained on answers at every door as the trained model does."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.serving.door_tables import TABLES, DoorTable
from tests.serving.door_tables_abroad import TABLES_ABROAD
from tests.serving.inprocess_plane import entry_of
from tests.serving.test_routes import InMemoryLabels
from tests.training.conftest import MemoryTracking

from retread.bundle import Cause, LocalBundleStore
from retread.cli.main import run
from retread.core import ManualClock
from retread.core.column_rules import ValueKind, clean_text
from retread.data import LABEL, AddRequest, LanceDatasetStore, SourceRequest, Split, add_version
from retread.data.read_source import read_source
from retread.data.source import SourceExamples
from retread.data.tables import plain_values, read_file
from retread.project import LoadedProject, parse_settings
from retread.project.settings import CanarySection, ServingSection
from retread.serving.client import ServingClient
from retread.serving.dataplane import DataPlane
from retread.serving.http.mlflow_routes import MlflowEndpoints
from retread.serving.http.routes import InferenceEndpoints, build_app
from retread.serving.http.server import HttpServer
from retread.serving.http.server_state import ServerState
from retread.serving.runtime import Runtime, load_runtime
from retread.serving.slots import SlotHolder
from retread.training import Overrides, plan_runs
from retread.training.assemble_bundle import Origin, assemble_bundle
from retread.training.context import TrainingContext
from retread.training.examples import read_examples
from retread.training.inputs import graph_inputs
from retread.training.provenance import Commit
from retread.training.run import prepare

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MODEL = "doors"
INFER = f"/v2/models/{MODEL}/infer"
QUICK = {"plain", "semicolons and decimal commas", "lines", "excel", "typed parquet"}
"""A table of each format, for `make check`."""

Cells = dict[str, list[Any]]


class ThreadedServer(HttpServer):
    """A server in a thread, which gets no signals."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # a thread
        return nullcontext()


@dataclass
class Loopback:
    """A server on loopback whose model is set by each test."""

    slots: SlotHolder
    labels: InMemoryLabels
    http: httpx.Client
    port: int
    served: int = 0

    def serve(self, runtime: Runtime) -> None:
        self.served += 1
        entry = entry_of("production", runtime, self.served)
        self.slots.table = self.slots.table.with_entry(entry.slot, self.served, entry)

    def post(self, path: str, body: object) -> Any:
        response = self.http.post(path, json=body)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    slots, labels = SlotHolder(), InMemoryLabels()
    plane = DataPlane(slots, None, ServingSection(), CanarySection())
    state = ServerState(plane, MODEL, max_body=10_000_000)
    endpoints = InferenceEndpoints(state, labels, "1"), MlflowEndpoints(state, "1")
    app = build_app([route for some in endpoints for route in some.routes()], state.ids)
    ready = threading.Event()
    server = ThreadedServer(state, app, on_ready=ready.set)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.serve_on, args=(listener,))
        thread.start()
        assert ready.wait(30)
        port = listener.getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http:
            yield Loopback(slots, labels, http, port)
        server.should_exit = True
        thread.join()
    plane.close()


@dataclass
class Trained:
    """A table that a model was trained on, and the trained model's answers about its rows."""

    table: DoorTable
    path: Path
    examples: SourceExamples
    runtime: Runtime
    outputs: np.ndarray[Any, Any]
    unknown: list[list[str]]

    @property
    def labels(self) -> list[str]:
        return [self.runtime.labels[i] for i in self.outputs.argmax(axis=1)]

    @property
    def columns(self) -> list[str]:
        return [rules.name for rules in self.runtime.rules]

    def raw(self) -> Cells:
        """Return the cells as the file has them: text, where it is text."""
        raw = read_file(self.path)
        names = [clean_text(name) for name in raw.names]
        at = {name: names.index(name) for name in (*self.columns, self.table.label)}
        columns = {n: plain_values(raw.table.column(i), n).to_pylist() for n, i in at.items()}
        return {name: list(map(plain, values)) for name, values in columns.items()}

    def typed(self) -> Cells:
        """Return the values as a program holds them: numbers, booleans, text, None."""
        cells: Cells = {}
        for rules in self.runtime.rules:
            values = self.examples.rows[rules.name].to_pylist()
            if rules.kind is ValueKind.BOOLEAN:
                values = [None if v is None else v == "true" for v in values]
            cells[rules.name] = values
        return cells

    def check(self, rows: Sequence[Sequence[float]], labels: Sequence[str] | None = None) -> None:
        found = np.array(rows, dtype=np.float64).reshape(self.outputs.shape)
        assert np.allclose(found, self.outputs, rtol=1e-5, atol=1e-5)
        if self.runtime.labels:
            predicted = found.argmax(axis=1).tolist()
            assert predicted == self.outputs.argmax(axis=1).tolist()
            assert labels is None or list(labels) == self.labels


def plain(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value


def train(table: DoorTable, root: Path) -> Trained:
    """Add the table, train a model on it in this process, and load its bundle."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / table.file
    path.write_bytes(table.content)
    kind = "tabular-regression" if table.regression else "tabular-classification"
    values: dict[str, Any] = {
        "project": {"name": MODEL},
        "data": {"labels": table.label, **table.data},
        "recipe": {"kind": kind},
        "training": {"model_type": "gradient_boosting", "epochs": 1},
    }
    (root / "retread.toml").write_text(f'[project]\nname = "{MODEL}"\n')
    settings = parse_settings(values, source="the test")
    project = LoadedProject(root=root, home=root / ".retread", settings=settings)
    datasets = LanceDatasetStore(project.datasets)
    request = AddRequest(
        dataset="sample", source=path, settings=settings.data, regression=table.regression
    )
    version = add_version(datasets, request, ManualClock(NOON))
    bundles = LocalBundleStore(project.bundles)
    context = TrainingContext(
        project=project, datasets=datasets, bundles=bundles, tracking=MemoryTracking(), threads=1
    )
    (planned, *_) = plan_runs(settings, Overrides(), Cause(), version, "k")
    recipe, task = prepare(context, planned, version)
    trained = recipe.train(task, lambda _: None)
    origin = Origin("run", NOON, Commit(None, dirty=False), b"", version, {})
    evaluation = read_examples(datasets, version, Split.EVALUATION)
    manifest, files = assemble_bundle(task, trained, evaluation, origin)
    runtime = load_runtime(bundles, bundles.put(manifest, files))
    examples = read_source(
        SourceRequest(path, table.label, settings.data, regression=table.regression)
    )
    inputs = graph_inputs(examples.rows, trained.signature, None)
    (outputs,) = trained.outputs(inputs)
    known = {
        rules.name: {*task.train.rows[rules.name].to_pylist(), None}
        for rules in runtime.rules
        if rules.kind is not ValueKind.NUMBER
    }
    unknown: list[list[str]] = [[] for _ in range(examples.rows.num_rows)]
    for name, seen in known.items():
        for row, value in enumerate(examples.rows[name].to_pylist()):
            if value not in seen:
                unknown[row].append(name)
    return Trained(table, path, examples, runtime, outputs, unknown)


def sorted_marks(marks: Sequence[Sequence[str]]) -> list[list[str]]:
    return [sorted(one) for one in marks]


def check_v2(server: Loopback, trained: Trained, inputs: list[dict[str, Any]]) -> None:
    answer = server.post(INFER, {"inputs": inputs})
    outputs = {one["name"]: one["data"] for one in answer["outputs"]}
    trained.check(outputs[trained.runtime.output], outputs.get("label"))
    marks = answer.get("parameters", {}).get("unknown", [[]] * len(trained.outputs))
    assert sorted_marks(marks) == sorted_marks(trained.unknown)


def check_invocations(server: Loopback, trained: Trained, answer: Any) -> None:
    if trained.runtime.labels:
        assert answer["predictions"] == trained.labels
    else:
        trained.check(answer["predictions"])
    marks = answer.get("unknown", [[]] * len(trained.outputs))
    assert sorted_marks(marks) == sorted_marks(trained.unknown)


def rows_of(cells: Cells, columns: Sequence[str]) -> list[dict[str, Any]]:
    chosen = [cells[name] for name in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*chosen, strict=True)]


def by_column(server: Loopback, trained: Trained, cells: Cells) -> None:
    """V2 with one tensor per column, of the datatype that its values have."""
    inputs = []
    for name in trained.columns:
        values = cells[name]
        kinds = {type(value) for value in values if value is not None}
        datatype = "BYTES"
        if kinds == {bool}:
            datatype = "BOOL"
        elif kinds <= {int, float}:
            datatype = "FP64"
        inputs.append({"name": name, "datatype": datatype, "shape": [len(values)], "data": values})
    check_v2(server, trained, inputs)


def as_matrices(server: Loopback, trained: Trained, cells: Cells) -> None:
    """V2 with the matrices `features` and `categories`."""
    inputs = []
    for spec in trained.runtime.signature.inputs:
        rows = [list(row.values()) for row in rows_of(cells, spec.columns)]
        shape = [len(rows), len(spec.columns)]
        inputs.append({"name": spec.name, "datatype": "BYTES", "shape": shape, "data": rows})
    check_v2(server, trained, inputs)


def row_by_row(server: Loopback, trained: Trained, cells: Cells) -> None:
    """V2 with one row per request, by the short cut where the values are numbers."""
    spec = trained.runtime.signature.inputs[0]
    if len(trained.runtime.signature.inputs) > 1 or spec.name != "features":
        return
    for index, row in enumerate(rows_of(cells, spec.columns)[:20]):
        values = list(row.values())
        datatype = "BYTES" if any(isinstance(v, str) for v in values) else "FP32"
        tensor = {"name": "features", "datatype": datatype, "shape": [1, len(values)]}
        answer = server.post(INFER, {"inputs": [{**tensor, "data": values}]})
        assert answer["outputs"][0]["data"] == pytest.approx(trained.outputs[index], abs=1e-5)


def mlflow_forms(server: Loopback, trained: Trained, cells: Cells) -> None:
    """The four forms of /invocations, with keys in any order."""
    columns = trained.columns
    rows = rows_of(cells, columns)
    turned = [dict(reversed(row.items())) if i % 2 else row for i, row in enumerate(rows)]
    lists = [list(row.values()) for row in rows]
    for body in (
        {"dataframe_split": {"columns": columns, "data": lists}},
        {"dataframe_records": turned},
        {"instances": turned},
        {"instances": lists},
        {"inputs": {name: cells[name] for name in columns}},
    ):
        check_invocations(server, trained, server.post("/invocations", body))


def python_client(server: Loopback, trained: Trained, cells: Cells) -> None:
    """The client, with a list of mappings."""
    with ServingClient(f"http://127.0.0.1:{server.port}", MODEL) as client:
        found = client.predict(rows_of(cells, trained.columns))
    if trained.runtime.labels:
        trained.check([[p.probabilities[name] for name in trained.runtime.labels] for p in found])
        assert [p.label for p in found] == trained.labels
    else:
        trained.check([[p.value or 0.0] for p in found])
    assert sorted_marks([p.unknown for p in found]) == sorted_marks(trained.unknown)


DOORS: list[Callable[[Loopback, Trained, Cells], None]] = [
    by_column,
    as_matrices,
    row_by_row,
    mlflow_forms,
    python_client,
]


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(table, marks=() if table.name in QUICK else pytest.mark.slow, id=table.name)
        for table in (*TABLES, *TABLES_ABROAD)
    ],
)
def test_a_models_own_file_answers_at_every_door_as_the_trained_model_does(
    table: DoorTable,
    loopback: Loopback,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained = train(table, tmp_path)
    loopback.serve(trained.runtime)
    raw = trained.raw()
    for cells in (raw, trained.typed()):
        for door in DOORS:
            door(loopback, trained, cells)
    _check_command(loopback, trained, capsys)
    if table.charset:
        kind = {"content-type": f"text/csv; charset={table.charset}"}
        answer = loopback.http.post("/invocations", content=table.content, headers=kind)
        assert answer.status_code == 200, answer.text
        check_invocations(loopback, trained, answer.json())
    _check_feedback(loopback, trained, raw[table.label])


def _check_command(server: Loopback, trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    place = ["--port", str(server.port), "--project", str(trained.path.parent)]
    code = run(["predict", MODEL, str(trained.path), "--json", *place])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    found = [one["prediction"] for one in json.loads(captured.out)]
    if trained.runtime.labels:
        assert [one["label"] for one in found] == trained.labels
        trained.check([[p["probabilities"][n] for n in trained.runtime.labels] for p in found])
    else:
        trained.check([[one["value"]] for one in found])


def _check_feedback(server: Loopback, trained: Trained, labels: Sequence[Any]) -> None:
    """Send the labels as the file has them."""
    server.labels.given.clear()
    body = [{"id": f"r{i}", "label": label} for i, label in enumerate(labels)]
    answer = server.post(f"/v2/models/{MODEL}/feedback", body)
    assert answer["unknown_labels"] == []
    stored = [server.labels.given[f"r{i}"] for i in range(len(labels))]
    truth = trained.examples.rows[LABEL].to_pylist()
    if trained.runtime.labels:
        assert stored == truth
    else:
        assert [float(one) for one in stored] == pytest.approx(truth)
