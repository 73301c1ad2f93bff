"""`retread` stage, promote, production, rollback, gate, history, lineage and audit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from msgspec.structs import replace
from onnx import TensorProto, helper, numpy_helper
from tests.bundles import bundle, lineage_of, linear_model

import retread
from retread.app import Workspace
from retread.app.control.page import Links, status_page
from retread.app.overview import load_overview
from retread.bundle import MODEL, Cause, OnnxModel, Signature
from retread.cli.main import run
from retread.data import AddRequest, DatasetVersion, Split, add_version
from retread.project import open_project
from retread.serving import Answer, PredictionRecord
from retread.training.evaluation import evidence, predict
from retread.training.examples import read_examples
from retread.training.inputs import graph_inputs, outputs, table_inputs

Typed = Callable[..., tuple[int, str, str]]
COMMIT = "c0ffee" * 6

SETTINGS = """
[project]
name = "wheels"
[data]
dataset = "rows"
[recipe]
kind = "tabular-classification"
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "retread.toml").write_text(SETTINGS)
    return Workspace(open_project(tmp_path, os.environ))


@pytest.fixture
def typed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Typed:
    """Return a function that runs a command in the project: exit code, stdout, stderr."""

    def run_it(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run([*words, "--project", str(tmp_path)])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run_it


@pytest.fixture
def rows(workspace: Workspace, tmp_path: Path) -> DatasetVersion:
    """800 rows, labelled by whether `x` is positive."""
    random = np.random.default_rng(0)
    lines = ["x,y,label"]
    for x, y in random.normal(size=(800, 2)):
        lines.append(f"{x:.6f},{y:.6f},{'high' if x > 0 else 'low'}")
    source = tmp_path / "rows.csv"
    source.write_text("\n".join(lines))
    request = AddRequest(
        dataset="rows", source=source, labels="label", settings=workspace.settings.data
    )
    return add_version(workspace.datasets, request, workspace.clock)


def register(
    workworkspace: Workspace,
    version: DatasetVersion,
    run_id: str,
    weight: float,
    labels: tuple[str, ...] = ("low", "high"),
) -> int:
    """Register a bundle with its evidence, as a training does, and return its version."""
    model = linear_model(weight) if len(labels) == 2 else three_classes(weight)
    signature = Signature(inputs=table_inputs(version.schema), outputs=outputs(labels))
    examples = read_examples(workworkspace.datasets, version, Split.EVALUATION)
    inputs = graph_inputs(examples.rows, signature, None)
    predictions = predict(OnnxModel(model, signature), inputs)
    evaluated = evidence(examples, examples.truth(labels), predictions)
    digest = bundle(
        workworkspace.bundles,
        model=model,
        signature=signature,
        labels=labels,
        examples={"features": inputs["features"][:16]},
        evidence=evaluated,
        lineage=replace(
            lineage_of(evaluated),
            run_id=run_id,
            dataset=version.dataset,
            dataset_version=version.number,
            dataset_digest=version.digest,
            git_commit=COMMIT,
            seed=7,
            cause=Cause(detail="the camera changed"),
        ),
        model_type="linear",
    )
    return workworkspace.registry.register(digest).version


def three_classes(weight: float) -> bytes:
    """Return a graph like `linear_model`, with a third class where `y` exceeds 1."""
    weights = np.array([[-weight, weight, 0.0], [0.0, 0.0, 100.0]], dtype=np.float32)
    nodes = [
        helper.make_node("Gemm", ["features", "weights", "bias"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "three",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.array([0, 0, -100], dtype=np.float32), "bias"),
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    content: bytes = model.SerializeToString()
    return content


@pytest.fixture
def two(workspace: Workspace, rows: DatasetVersion) -> Workspace:
    """A good version, a better one (lower loss), and one trained on flipped labels."""
    for run_id, weight in (("good", 2.0), ("better", 8.0), ("flipped", -2.0)):
        register(workspace, rows, run_id, weight)
    return workspace


@pytest.mark.usefixtures("two")
def test_from_stage_to_rollback(typed: Typed) -> None:
    code, out, _ = typed("stage", "--metric", "Loss")
    assert (code, "Version 2 is staged" in out) == (0, True), "the lowest loss"
    code, out, _ = typed("produce", "1", "--json")
    assert code == 0, "the alias of promote"
    assert json.loads(out)["version"] == 1
    code, out, err = typed("promote", "--metric", "f1_score")
    assert (code, err) == (0, "")
    assert "Version 2 is in production, replacing version 1 (generation" in out
    assert "No server is running; the version is served from the next start." in out
    code, out, _ = typed("production", "--json")
    shown = json.loads(out)
    assert shown["production"]["version"] == 2
    assert list(shown["slots"]) == ["production"]
    code, out, _ = typed("production")
    assert "Archived" in out
    assert "Production" in out
    code, out, _ = typed("rollback", "--json", "--reason", "I liked it more")
    assert json.loads(out)["version"] == 1
    assert json.loads(out)["rollback"] is True
    code, _, err = typed("rollback")
    assert code == 1
    assert "no earlier production version" in err


@pytest.mark.usefixtures("two")
def test_e35_what_is_in_production_is_not_to_be_forced(typed: Typed) -> None:
    assert typed("promote", "2")[0] == 0
    code, _, err = typed("produce", "2")
    assert code == 1
    assert "Version 2 is in production already" in err
    assert "--force" not in err


def test_e19_a_change_of_labels_is_confirmed_by_name(
    workspace: Workspace, rows: DatasetVersion, tmp_path: Path, typed: Typed
) -> None:
    register(workspace, rows, "before", 8.0)
    assert typed("promote", "1")[0] == 0
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    split = [line.split(",") for line in lines[1:]]
    changed = [f"{x},{y},{'odd' if float(y) > 1 else label}" for x, y, label in split]
    (tmp_path / "rows.csv").write_text("\n".join([lines[0], *changed]))
    request = AddRequest(
        dataset="rows",
        source=tmp_path / "rows.csv",
        labels="label",
        settings=workspace.settings.data,
    )
    version = add_version(workspace.datasets, request, workspace.clock)
    register(workspace, version, "after", 8.0, ("low", "high", "odd"))
    code, _, err = typed("promote", "2")
    assert code == 1
    assert "New: odd; gone: none." in err
    assert "--accept-labels odd" in err
    code, _, err = typed("promote", "2", "--accept-labels", "old")
    assert code == 1
    assert "'old' neither comes nor goes with version 2. Labels that do: odd" in err
    code, _, err = typed("promote", "2", "--accept-labels", "odd")
    assert (code, err) == (0, "")
    judged = workspace.registry.state().version(2).judged
    assert judged is not None
    numbers = next(c.numbers for c in judged.verdict.checks if c.check == "comparison")
    assert numbers["candidate"] > 0.95
    assert 0.7 < numbers["production"] < 0.9, "wrong about the new label, right about the others"


@pytest.mark.usefixtures("two")
def test_a_version_enters_and_leaves_the_shadow_slot(typed: Typed) -> None:
    assert typed("promote", "1")[0] == 0
    code, out, _ = typed("shadow", "3", "--json")
    assert (code, json.loads(out)["version"]) == (0, 3), "the gate does not apply"
    slots = json.loads(typed("production", "--json")[1])["slots"]
    assert {name: slot["version"] for name, slot in slots.items()} == {"production": 1, "shadow": 3}
    code, out, _ = typed("shadow", "--clear")
    assert (code, "shadow slot is empty" in out) == (0, True)
    assert list(json.loads(typed("production", "--json")[1])["slots"]) == ["production"]
    for words in ((), ("3", "--clear")):
        code, _, err = typed("shadow", *words)
        assert (code, "Either a version or --clear" in err) == (2, True)


@pytest.mark.usefixtures("two")
def test_force_replaces_a_damaged_production_version(typed: Typed, two: Workspace) -> None:
    assert typed("promote", "1")[0] == 0
    digest = two.registry.state().version(1).bundle
    (two.project.bundles / digest.removeprefix("sha256:") / MODEL).write_bytes(b"damaged")
    assert typed("gate", "2")[0] == 3
    assert typed("promote", "2")[0] == 3
    code, out, _ = typed("promote", "2", "--force", "--reason", "version 1 is damaged")
    assert (code, "Version 2 is in production" in out) == (0, True)


@pytest.mark.usefixtures("two")
def test_flipped_labels_are_refused_with_the_numbers(typed: Typed) -> None:
    assert typed("promote", "1")[0] == 0
    code, out, err = typed("gate", "3")
    assert code == 1
    assert "comparison" in out
    assert "that of version 1 1.0000" in " ".join(out.split())
    assert "The verdict of the gate is fail" in err
    code, out, err = typed("promote", "3")
    assert (code, out) == (1, "")
    assert "Accuracy is 0.0000" in err
    code, _, err = typed("promote", "3", "--force")
    assert (code, "--reason" in err) == (2, True)
    code, out, _ = typed("promote", "3", "--force", "--reason", "to see the loop catch it")
    assert code == 0
    code, out, _ = typed("lineage", "3")
    assert "to see the loop catch it" in out


def test_a_gate_without_enough_evidence_exits_with_3(
    typed: Typed, workspace: Workspace, rows: DatasetVersion
) -> None:
    for number, weight in enumerate((1.0, 1.0)):
        register(workspace, rows, f"run_{number}", weight + number)
    assert typed("promote", "1")[0] == 0
    # A margin of zero needs more examples than there are.
    toml = workspace.project.root / "retread.toml"
    toml.write_text(SETTINGS + "[gate]\nmargin = 0.0\n")
    code, out, err = typed("gate", "2", "--json")
    assert code == 3
    assert json.loads(out)["outcome"] == "inconclusive"
    assert "The verdict of the gate is inconclusive" in err
    assert typed("promote", "2")[0] == 3


@pytest.mark.usefixtures("two")
def test_history_shows_what_was_served_at_a_time(typed: Typed, two: Workspace) -> None:
    typed("promote", "1")
    between = datetime.now(UTC)
    typed("promote", "2")
    code, out, _ = typed("history", "--json")
    assert code == 0
    assert [entry["sequence"] for entry in json.loads(out)] == list(
        range(1, len(two.ledger.read()) + 1)
    )
    code, out, _ = typed("history", "--at", between.isoformat(), "--json")
    assert json.loads(out)["production"] == 1
    code, out, _ = typed("history", "--at", (between - timedelta(days=1)).isoformat(), "--json")
    assert json.loads(out)["production"] is None
    code, out, _ = typed("history")
    assert "Production is now version 2, replacing version 1" in out
    code, _, err = typed("history", "--at", "yesterday")
    assert (code, "'yesterday' is not a valid time" in err) == (1, True)


@pytest.mark.parametrize("zone", ["Asia/Seoul", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.usefixtures("two")
def test_timezone_times_are_shown_and_typed_in_that_of_the_project(
    typed: Typed, two: Workspace, zone: str
) -> None:
    typed("promote", "1")
    between = datetime.now(UTC)
    typed("promote", "2")
    toml = two.project.root / "retread.toml"
    toml.write_text(SETTINGS.replace("[project]", f'[project]\ntimezone = "{zone}"'))
    local = between.astimezone(ZoneInfo(zone))
    _, out, _ = typed("history")
    assert f"{local:%Y-%m-%d %H:}" in out
    assert " UTC)" in out
    typed_in = local.replace(tzinfo=None).isoformat()
    _, out, _ = typed("history", "--at", typed_in, "--json")
    assert json.loads(out)["production"] == 1
    opened = retread.open(two.project.root)
    assert opened.history(at=local.replace(tzinfo=None)).production == 1
    assert f"{local:%Y-%m-%d %H:}" in str(opened.history())
    page = status_page(load_overview(two, os.environ), Links(None, None), between, ZoneInfo(zone))
    assert f"{local:%Y-%m-%d %H:%M:%S} (" in page


@pytest.mark.slow
@pytest.mark.usefixtures("two")
def test_lineage_of_a_request_names_data_commit_cause_and_verdict(
    typed: Typed, two: Workspace
) -> None:
    typed("promote", "2")
    served = two.registry.state().version(2)
    answer = Answer(
        slot="production", version=2, bundle=served.bundle, outputs=(0.1, 0.9), latency_ms=1.0
    )
    two.traffic.append([PredictionRecord(id="req_7", at=0.0, key="k", status=200, answer=answer)])
    code, out, _ = typed("lineage", "req_7", "--json")
    assert code == 0
    found: dict[str, Any] = json.loads(out)
    version = two.datasets.version("rows", 1)
    assert found["version"] == 2
    assert found["request"] == {"id": "req_7", "slot": "production", "at": 0.0}
    assert found["dataset_digest"] == version.digest
    assert found["git_commit"] == COMMIT
    assert found["cause"]["detail"] == "the camera changed"
    assert found["verdict"]["outcome"] == "pass"
    code, out, _ = typed("lineage", "req_7")
    for fact in (
        "req_7, predicted in production at ",
        "rows@1",
        version.digest,
        "c0ffee",
        "the camera changed",
        "pass",
        "seed 7",
    ):
        assert fact in out
    code, _, err = typed("lineage", "req_8")
    assert (code, "No request 'req_8' was recorded" in err) == (1, True)
    code, _, err = typed("lineage", "99")
    assert (code, "no model version 99" in err) == (1, True)


@pytest.mark.usefixtures("two")
def test_audit_finds_one_changed_byte(typed: Typed, two: Workspace) -> None:
    code, out, _ = typed("audit", "verify")
    assert code == 0
    assert "3 ledger entries and 3 bundles" in out
    digest = two.registry.state().version(1).bundle
    path = two.project.bundles / digest.removeprefix("sha256:") / MODEL
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    code, out, err = typed("audit", "verify", "--json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "integrity_broken"
    assert f"model.onnx of bundle {digest}" in err


def test_requests_that_cannot_be_met_are_explained(typed: Typed, workspace: Workspace) -> None:
    for words, message in (
        (("stage",), "No version outside of production and archive"),
        (("stage", "--metric", "beauty"), "Unknown metric 'beauty'"),
        (("promote",), "No staged version has the metric Accuracy"),
        (("promote", "4"), "There is no model version 4"),
        (("promote", "0"), "There is no model version 0"),
        (("gate", "1"), "There is no model version 1"),
        (("rollback", "--to", "2"), "There is no model version 2"),
    ):
        code, out, err = typed(*words)
        assert (code, out) == (1, ""), words
        assert message in err
    for command in ("stage", "promote"):
        code, out, err = typed(command, "1", "--metric", "F1")
        assert (code, out, "Give one of them" in err) == (2, "", True)
    assert typed("production")[0] == 0


@pytest.mark.usefixtures("two")
def test_what_is_in_production_is_not_promoted_again(typed: Typed, two: Workspace) -> None:
    assert typed("promote", "1")[0] == 0
    entries = len(two.ledger.read())
    for words in ((), ("--force", "--reason", "again")):
        code, _, err = typed("promote", "1", *words)
        assert (code, "Version 1 is in production already." in err) == (1, True)
    assert len(two.ledger.read()) == entries


@pytest.mark.parametrize(
    ("command", "chosen"),
    [("stage", "the best version by --metric"), ("promote", "the staged version")],
)
def test_help_says_what_is_chosen_without_a_version(
    typed: Typed, command: str, chosen: str
) -> None:
    text = " ".join(typed(command, "--help")[1].split())
    assert "[OPTIONS] [VERSION] " in text
    assert f"Without VERSION, {chosen}" in text
    assert "Default: the best version" not in text
