"""`retread status`: services, slots, retrainings and undelivered notifications."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retread.app import Workspace
from retread.app.supervisor.state import supervisor_lock
from retread.bundle import Cause, CauseKind
from retread.cli.main import run
from retread.notify import Message, Undelivered
from retread.project import open_project
from retread.registry.events import (
    RetrainingStarted,
    Slot,
    SlotAssigned,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
)

BUNDLE = "sha256:" + "a" * 64


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (tmp_path / "retread.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return Workspace(open_project(tmp_path, {}))


def test_it_creates_no_files(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(workspace.project.home.rglob("*"))
    assert run(["status"]) == 0
    printed = capsys.readouterr().out
    assert "No services are running" in printed
    assert "No events are recorded yet" in printed
    assert sorted(workspace.project.home.rglob("*")) == before


def test_it_shows_slots_and_the_progress_of_retrainings(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.ledger.append(
        SlotAssigned(slot=Slot.PRODUCTION, version=3, bundle=BUNDLE, generation=1)
    )
    for name in ("trg_1", "trg_2"):
        cause = Cause(kind=CauseKind.MANUAL, detail=f"fix [/urgent] {name}", trigger=name)
        accepted = TriggerDecided(
            trigger=name, decision=TriggerDecision.ACCEPTED, reason="It starts now."
        )
        workspace.ledger.append(TriggerReceived(trigger=name, key=name, cause=cause), accepted)
    workspace.ledger.append(RetrainingStarted(trigger="trg_1", dataset="data", dataset_version=2))
    assert run(["status"]) == 0
    printed = capsys.readouterr().out
    assert "Production: version 3" in printed
    first, second = (line for line in printed.splitlines() if line.startswith("Retraining"))
    assert first.startswith("Retraining trg_1: training since ")
    assert first.endswith("(manual: fix [/urgent] trg_1).")
    assert second.startswith("Retraining trg_2: waiting since ")
    assert run(["status", "--json"]) == 0
    project = json.loads(capsys.readouterr().out)["project"]
    assert [one["phase"] for one in project["retrainings"]] == ["training", "waiting"]


def test_it_shows_messages_that_may_not_have_been_delivered(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox = workspace.outbox(["slack"])
    for key in ("sent", "killed", "unwanted", "waits"):
        outbox.enqueue(key, Message(title=key))
    messages = [outbox.claim() for _ in range(3)]
    sent, _, unwanted = messages
    assert sent is not None
    assert unwanted is not None
    outbox.mark_sent(sent)
    outbox.mark_failed(unwanted, Undelivered("No such channel.", permanent=True), 0.0)
    outbox.recover()
    assert run(["status"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if line.startswith("Notification")] == [
        "Notification killed to slack may have been delivered; it will not be sent again.",
        "Notification unwanted to slack could not be delivered; it will not be sent again.",
    ]
    assert run(["status", "--json"]) == 0
    messages = json.loads(capsys.readouterr().out)["project"]["messages"]
    assert [one["state"] for one in messages] == ["unconfirmed", "given-up"]


def test_services_are_shown_although_the_database_cannot_be_read(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace.project.home / "retread.db").write_bytes(b"no database at all" * 100)
    assert run(["status"]) == 0
    printed = capsys.readouterr().out
    assert "No services are running" in printed
    assert "The database is damaged" in printed


def test_a_starting_supervisor_is_not_reported_as_stopped(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with supervisor_lock(workspace.project.home):
        assert run(["status"]) == 0
    assert "starting or stopping" in capsys.readouterr().out


def test_down_needs_no_settings(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace.project.root / "retread.toml").write_text("[gate]\nmetrik = 1\n")
    assert run(["status"]) == 1
    assert "metrik" in capsys.readouterr().err
    assert run(["down"]) == 0
    assert capsys.readouterr().out == "No services were running.\n"
