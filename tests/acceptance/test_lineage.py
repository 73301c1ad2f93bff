"""The lineage of a prediction, and the detection of changed bytes."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.sample_project import Typed, git
from tests.serving.running import until

from retread.app import Workspace
from retread.demos.services import Services
from retread.demos.traffic import predict
from retread.serving.client import ServingClient

pytestmark = pytest.mark.slow


def test_a_prediction_over_http_has_data_commit_cause_and_verdict(
    workspace: Workspace, typed: Typed
) -> None:
    with Services(workspace.project, ("serving",), os.environ) as services:
        services.start("serving")
        services.wait_until_ready("serving")
        with ServingClient(services.address("serving"), "treads") as client:
            reply = predict(client, (0.5, 0.5, 0.0), "customer")
        until(lambda: workspace.traffic.find(reply.id) is not None, "the prediction is recorded")
    code, out, err = typed("lineage", reply.id, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    data = workspace.datasets.version("treads", 1)
    assert found["request"]["id"] == reply.id
    assert (found["version"], found["request"]["slot"]) == (reply.model_version, "production")
    assert (found["dataset"], found["dataset_version"]) == ("treads", 1)
    assert found["dataset_digest"] == data.digest
    assert found["git_commit"] == git(workspace.project.root, "rev-parse", "HEAD")
    assert found["git_dirty"] is False
    assert found["cause"]["detail"] == "retread train"
    assert found["verdict"]["outcome"] == "pass"
    code, out, _ = typed("lineage", reply.id)
    for fact in (reply.id, "treads@1", data.digest, found["git_commit"], "retread train", "pass"):
        assert fact in out


def test_one_changed_byte_of_a_bundle_is_found(workspace: Workspace, typed: Typed) -> None:
    digest = workspace.registry.state().version(1).bundle
    folder = workspace.project.bundles / digest.removeprefix("sha256:")
    assert typed("audit", "verify")[0] == 0
    files = sorted(path for path in folder.iterdir() if path.is_file())
    assert len(files) == 6
    for path in files:
        undo = flip_byte(path)
        code, _, err = typed("audit", "verify")
        assert (code, digest in err) == (1, True), path.name
        assert ("manifest" if path.suffix == ".json" else path.name) in err
        undo()
    assert typed("audit", "verify")[0] == 0


def test_one_changed_byte_of_the_ledger_is_found(workspace: Workspace, typed: Typed) -> None:
    with sqlite3.connect(workspace.project.home / "retread.db") as database:
        sequence, text = database.execute(
            "SELECT sequence, event FROM ledger WHERE event LIKE '%VersionRegistered%'"
        ).fetchone()
        changed = text.replace('"version":1', '"version":7', 1)
        assert sum(a != b for a, b in zip(text, changed, strict=True)) == 1
        database.execute("UPDATE ledger SET event = ? WHERE sequence = ?", (changed, sequence))
    database.close()
    code, out, err = typed("audit", "verify", "--json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "integrity_broken"
    assert f"entry {sequence}" in err


def test_one_changed_byte_of_a_dataset_is_found(workspace: Workspace, typed: Typed) -> None:
    (path,) = workspace.project.datasets.rglob("data/*.lance")
    undo = flip_byte(path)
    code, _, err = typed("audit", "verify")
    assert code == 1
    assert f"{path.name} of treads@1 was changed" in err
    undo()
    assert typed("audit", "verify")[0] == 0


def flip_byte(path: Path) -> Callable[[], object]:
    """Change one byte in the middle; return a function that restores it."""
    content = path.read_bytes()
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    path.write_bytes(changed)
    return lambda: path.write_bytes(content)
