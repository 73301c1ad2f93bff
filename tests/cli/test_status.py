"""`retread status`: services, slots, retrainings and undelivered notifications."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from retread.app import Workspace
from retread.app.supervisor.state import (
    ServiceState,
    ServiceStatus,
    SupervisorStatus,
    health_file,
    state_file,
    supervisor_lock,
    write_settings_in_use,
    write_status,
)
from retread.bundle import Cause, CauseKind
from retread.cli.main import run
from retread.core import SystemClock, write_atomically
from retread.core.processes import identify_process
from retread.loop import LoopHealth, PartFailure
from retread.notify import Message, Undelivered
from retread.project import open_project
from retread.registry.events import (
    RetrainingFinished,
    RetrainingOutcome,
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


def test_u08_a_retraining_that_failed_is_shown_until_the_next_one_ends(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = {
        "trg_1": (RetrainingOutcome.FAILED, "The disk is full."),
        "trg_2": (RetrainingOutcome.PROMOTED, ""),
    }
    shown = {"trg_1": "failed at ", "trg_2": "promoted at "}
    for name, (outcome, reason) in ends.items():
        cause = Cause(kind=CauseKind.NEW_DATA, trigger=name)
        workspace.ledger.append(
            TriggerReceived(trigger=name, key=name, cause=cause),
            TriggerDecided(trigger=name, decision=TriggerDecision.ACCEPTED, reason="Now."),
            RetrainingFinished(trigger=name, outcome=outcome, reason=reason),
        )
        assert run(["status"]) == 0
        printed = capsys.readouterr().out
        (line,) = (line for line in printed.splitlines() if line.startswith("Latest"))
        assert line.startswith(f"Latest retraining (new-data): {shown[name]}")
        assert reason in line
    assert run(["status", "--json"]) == 0
    latest = json.loads(capsys.readouterr().out)["project"]["latest_retraining"]
    assert latest["outcome"] == "promoted"


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
    assert run(["status"]) == 5
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


def runs(workspace: Workspace, **changed: ServiceStatus) -> SupervisorStatus:
    """Let this process pass for a supervisor whose services are ready, but for `changed`."""
    identity = identify_process(os.getpid())
    assert identity is not None
    now = SystemClock().now()
    names = ("tracking", "serving", "control", "loop")
    services = {
        name: ServiceStatus(name=name, state=ServiceState.READY, address=None, pid=1, since=now)
        for name in names
    }
    status = SupervisorStatus(
        pid=os.getpid(),
        start_time=identity.start_time,
        since=now,
        services=tuple({**services, **changed}.values()),
    )
    state_file(workspace.project.home).parent.mkdir(parents=True, exist_ok=True)
    write_status(state_file(workspace.project.home), status)
    return status


def writes_health(workspace: Workspace, *failures: PartFailure, age_s: float = 0.0) -> None:
    at = SystemClock().now() - timedelta(seconds=age_s)
    health = LoopHealth(at=at, failures=failures, notifiers=())
    write_atomically(health_file(workspace.project.home), msgspec.json.encode(health))


@pytest.fixture
def in_use(workspace: Workspace) -> Workspace:
    """A project with a database and a running supervisor, in which all is well."""
    assert workspace.ledger.read() == ()
    runs(workspace)
    writes_health(workspace)
    return workspace


def test_u01_nothing_failed(in_use: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == 0
    assert "FAILED" not in capsys.readouterr().out
    assert run(["doctor"]) == 0
    assert "none has failed" in capsys.readouterr().out


def service(name: str, state: ServiceState, **more: object) -> ServiceStatus:
    since = SystemClock().now()
    return ServiceStatus(name=name, state=state, address=None, pid=None, since=since, **more)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize("case", ["monitor", "hung loop", "tracking", "crash", "supervisor"])
def test_u01_a_part_that_failed_is_loud(
    in_use: Workspace, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In status and doctor, with an exit code of its own."""
    home, now = in_use.project.home, SystemClock().now()
    if case == "monitor":
        failure = PartFailure(part="The monitor", since=now, failures=7, error="KeyError: 'x'")
        writes_health(in_use, failure)
        expected = "The monitor: KeyError: 'x' (7 times in a row)"
        assert run(["monitor", "check"]) == 5
        assert "KeyError: 'x'" in capsys.readouterr().err
    elif case == "hung loop":
        long_ago = ServiceStatus(
            name="loop",
            state=ServiceState.READY,
            address=None,
            pid=1,
            since=now - timedelta(hours=2),
        )
        runs(in_use, loop=long_ago)
        writes_health(in_use, age_s=3600)
        expected = "loop: It has not ended a step for 36"
    elif case == "tracking":
        runs(in_use, tracking=service("tracking", ServiceState.READY, missed_probes=2))
        expected = "tracking: The service does not respond: 2 probes in a row had no answer"
    elif case == "crash":
        runs(in_use, loop=service("loop", ServiceState.WAITING, restarts=3))
        expected = "loop: The service ended and waits for restart 3"
    else:
        status = SupervisorStatus(pid=2**22 + 1, start_time="0", since=now)
        write_status(state_file(home), status)
        expected = "supervisor: It ended without `retread down`"
    assert run(["status"]) == 5
    printed = capsys.readouterr().out
    assert f"FAILED  {expected}" in printed
    assert "No version is in production yet." in printed, "the rest is shown all the same"
    assert run(["doctor"]) == 5
    assert f"FAIL  parts       {expected}" in capsys.readouterr().out
    assert run(["status", "--json"]) == 5
    failed = json.loads(capsys.readouterr().out)["project"]["live"]["failed"]
    assert len(failed) == 1


def test_u03_settings_that_were_edited_while_up_are_not_in_use(
    in_use: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    write_settings_in_use(in_use.project.home, in_use.settings.model_dump(mode="json"))
    assert run(["settings", "show", "gate.threshold"]) == 0
    assert capsys.readouterr().err == ""
    toml = in_use.project.root / "retread.toml"
    toml.write_text("[gate]\nthreshold = 0.9\n[canary]\nsteps = [0.5, 1.0]\n")
    gate = "gate.threshold = 0.9 is not in use until `retread up` starts again (now 0.6)."
    canary = "canary.steps = [0.5, 1.0] is not in use until"
    assert run(["status"]) == 0
    printed = capsys.readouterr().out
    assert gate in printed
    assert canary in printed
    assert run(["settings", "show"]) == 0
    assert gate in capsys.readouterr().err
    assert run(["settings", "show", "gate"]) == 0
    told = capsys.readouterr().err
    assert gate in told
    assert "canary" not in told
    assert run(["settings", "show", "gate.thresh"]) == 1
    state_file(in_use.project.home).unlink()
    capsys.readouterr()
    assert run(["settings", "show"]) == 0
    assert capsys.readouterr().err == "", "nothing runs, so the next start uses them"


def test_u08_status_says_whether_slack_has_an_address(
    in_use: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RETREAD_SLACK_WEBHOOK", raising=False)
    assert run(["status"]) == 0
    assert "Slack: no address; set RETREAD_SLACK_WEBHOOK or" in capsys.readouterr().out
    health = LoopHealth(at=SystemClock().now(), notifiers=("slack",))
    write_atomically(health_file(in_use.project.home), msgspec.json.encode(health))
    in_use.outbox(["slack"]).enqueue("one", Message(title="one"))
    assert run(["status"]) == 0
    assert "Slack: configured; 1 waiting." in capsys.readouterr().out
    (in_use.project.root / "retread.toml").write_text("[notify.slack]\nenabled = false\n")
    writes_health(in_use)
    assert run(["status"]) == 0
    assert "Slack: switched off; 1 waiting." in capsys.readouterr().out
