"""`retread status`: what runs, what goes on, and what people may not have been told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retread.app import Workspace
from retread.app.supervisor import lock_file
from retread.app.supervisor.lock import only_one
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
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (tmp_path / "retread.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return Workspace(open_project(tmp_path, {}))


def test_asking_makes_nothing(space: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(space.project.home.rglob("*"))
    assert run(["status"]) == 0
    told = capsys.readouterr().out
    assert "Nothing is up" in told
    assert "Nothing was recorded yet" in told
    assert sorted(space.project.home.rglob("*")) == before


def test_it_tells_what_serves_and_how_far_each_retraining_is(
    space: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    space.ledger.append(SlotAssigned(slot=Slot.PRODUCTION, version=3, bundle=BUNDLE, generation=1))
    for name in ("trg_1", "trg_2"):
        cause = Cause(kind=CauseKind.MANUAL, detail=f"fix [/urgent] {name}", trigger=name)
        accepted = TriggerDecided(
            trigger=name, decision=TriggerDecision.ACCEPTED, reason="It starts now."
        )
        space.ledger.append(TriggerReceived(trigger=name, key=name, cause=cause), accepted)
    space.ledger.append(RetrainingStarted(trigger="trg_1", dataset="data", dataset_version=2))
    assert run(["status"]) == 0
    told = capsys.readouterr().out
    assert "Production: version 3" in told
    first, second = (line for line in told.splitlines() if line.startswith("Retraining"))
    assert first.startswith("Retraining trg_1: training since ")
    assert first.endswith("(manual: fix [/urgent] trg_1).")
    assert second.startswith("Retraining trg_2: waiting since ")
    assert run(["status", "--json"]) == 0
    project = json.loads(capsys.readouterr().out)["project"]
    assert [one["phase"] for one in project["retrainings"]] == ["training", "waiting"]


def test_it_tells_of_messages_that_may_not_have_arrived(
    space: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox = space.outbox(["slack"])
    for key in ("sent", "killed", "unwanted", "waits"):
        outbox.enqueue(key, Message(title=key))
    letters = [outbox.claim() for _ in range(3)]
    sent, _, unwanted = letters
    assert sent is not None
    assert unwanted is not None
    outbox.sent(sent)
    outbox.failed(unwanted, Undelivered("No such channel.", permanent=True), 0.0)
    outbox.recover()
    assert run(["status"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if line.startswith("Message")] == [
        "Message killed to slack may have arrived; it is not sent again.",
        "Message unwanted to slack was given up; it is not sent again.",
    ]
    assert run(["status", "--json"]) == 0
    messages = json.loads(capsys.readouterr().out)["project"]["messages"]
    assert [one["state"] for one in messages] == ["unconfirmed", "given-up"]


def test_what_runs_is_shown_although_the_records_cannot_be_read(
    space: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (space.project.home / "retread.db").write_bytes(b"no database at all" * 100)
    assert run(["status"]) == 0
    told = capsys.readouterr().out
    assert "Nothing is up" in told
    assert "The database is damaged" in told


def test_what_is_being_started_is_not_called_down(
    space: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with only_one(lock_file(space.project.home)):
        assert run(["status"]) == 0
    assert "just being started or ended" in capsys.readouterr().out


def test_down_needs_no_settings(space: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (space.project.root / "retread.toml").write_text("[gate]\nmetrik = 1\n")
    assert run(["status"]) == 1
    assert "metrik" in capsys.readouterr().err
    assert run(["down"]) == 0
    assert capsys.readouterr().out == "Nothing was up.\n"
