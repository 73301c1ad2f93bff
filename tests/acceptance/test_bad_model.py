"""A model trained on flipped labels is stopped three times, and no client notices.

Data, training, gate, server, loop, client and webhook are real.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from tests.acceptance.sample_project import Typed, flipped_outside_evaluation, write_rows
from tests.acceptance.traffic import Traffic
from tests.serving.running import until

from retread.app import Workspace
from retread.demos.fake_slack import FakeSlack
from retread.demos.services import Services
from retread.registry import Stage, state_at
from retread.registry.events import CanaryFinished, GateOverridden, RetrainingFinished

pytestmark = pytest.mark.slow

REASON = "to see the canary catch it"


@pytest.fixture
def flipped(workspace: Workspace, typed: Typed) -> int:
    """Version 2, trained on flipped labels that were released from quarantine."""
    source = workspace.project.root / "treads.csv"
    write_rows(
        source, flipped_outside_evaluation(workspace, workspace.datasets.version("treads", 1))
    )
    code, _, err = typed("data", "add", "treads")
    assert code == 1
    assert "rows in common with treads@1 have another label now" in err
    assert typed("data", "release", "treads@2", "--reason", "I know better")[0] == 0
    code, out, _ = typed("train", "--json")
    assert code == 0
    (trained,) = json.loads(out)["runs"]
    # On its own validation split it is good: only the frozen split shows the fault.
    assert trained["outcome"]["metrics"]["Accuracy"] > 0.8
    return int(trained["version"])


def test_the_gate_refuses_it_and_the_canary_rolls_it_back_when_forced(
    workspace: Workspace, typed: Typed, flipped: int
) -> None:
    _refused_with_the_numbers(typed, flipped)
    with FakeSlack() as slack:
        environment = {
            **os.environ,
            "RETREAD_SLACK_WEBHOOK": slack.address,
            "OMP_NUM_THREADS": "1",
        }
        with Services(workspace.project, ("serving", "loop"), environment) as services:
            for name in ("serving", "loop"):
                services.start(name)
                services.wait_until_ready(name)
            with Traffic(services.address("serving"), "treads") as client:
                _forced(workspace, typed, flipped, client)
                rolled_back = (
                    f"treads: canary version {flipped} was rolled back; "
                    "version 1 stays in production"
                )
                until(lambda: rolled_back in slack.headlines, "Slack knows of the rollback")
                services.check()
        assert slack.headlines.count(rolled_back) == 1
    assert client.failures == []
    _caught_by_the_canary(workspace, flipped)
    _predictions_agree_with_history(workspace, client, flipped)
    workspace.ledger.verify()


def _refused_with_the_numbers(typed: Typed, version: int) -> None:
    code, out, err = typed("gate", str(version), "--json")
    assert code == 1
    checks: dict[str, Any] = {check["check"]: check for check in json.loads(out)["checks"]}
    assert checks["comparison"]["outcome"] == "fail"
    numbers = checks["comparison"]["numbers"]
    assert numbers["candidate"] < 0.3
    assert numbers["production"] > 0.8
    assert numbers["difference"] == pytest.approx(numbers["candidate"] - numbers["production"])
    assert numbers["lower_bound"] < numbers["difference"] < -numbers["margin"]
    assert numbers["examples"] >= 200
    sentence = (
        f"Accuracy is {numbers['candidate']:.4f}, that of version 1 {numbers['production']:.4f} "
        f"on the same {numbers['examples']:.0f} examples: a gain of {numbers['difference']:+.4f}, "
        f"at least {numbers['lower_bound']:+.4f}"
    )
    assert sentence in err
    code, out, _ = typed("gate", str(version))
    assert code == 1
    assert sentence in " ".join(out.replace("│", " ").split())
    code, out, err = typed("promote", str(version))
    assert (code, out) == (1, "")
    assert err.startswith(f"The gate did not pass version {version}: fail. ")
    assert sentence in err
    assert err.count("\n") == 1


def _forced(workspace: Workspace, typed: Typed, version: int, client: Traffic) -> None:
    """Force the candidate; wait for the end of its canary and a hundred more predictions."""
    until(lambda: len(client.predictions) >= 20, "predictions of production")
    code, out, err = typed("trigger", "manual", "--candidate", str(version), "--force", REASON)
    assert code == 0, err
    assert "accepted" in out
    until(lambda: bool(_events(workspace, RetrainingFinished)), "the end of the canary", 120)
    after = len(client.predictions) + 100
    until(lambda: len(client.predictions) >= after, "predictions after the rollback")


def _caught_by_the_canary(workspace: Workspace, version: int) -> None:
    (override,) = _events(workspace, GateOverridden)
    (ended,) = _events(workspace, CanaryFinished)
    (retraining,) = _events(workspace, RetrainingFinished)
    assert (override.version, override.reason) == (version, REASON)
    assert (ended.version, ended.outcome) == (version, "rolled-back")
    assert (retraining.version, retraining.outcome) == (version, "rolled-back")
    state = workspace.registry.state()
    assert state.production == 1
    assert state.version(1).stage is Stage.PRODUCTION
    assert state.version(version).stage is Stage.ARCHIVED
    assert [str(slot) for slot in state.slots] == ["production"]


def _predictions_agree_with_history(workspace: Workspace, client: Traffic, version: int) -> None:
    assert {(a.slot, a.version) for a in client.predictions} == {
        ("production", 1),
        ("canary", version),
    }
    from_canary = [prediction for prediction in client.predictions if prediction.slot == "canary"]
    entries = workspace.ledger.read()
    ended = next(entry.at for entry in entries if isinstance(entry.event, CanaryFinished))
    assert all(prediction.sent_at <= ended for prediction in from_canary)
    assert all(
        state_at(entries, prediction.received_at).production == 1 for prediction in from_canary
    )
    assert {a.version for a in client.predictions[-50:]} == {1}


def _events(workspace: Workspace, kind: type) -> list[Any]:
    return [entry.event for entry in workspace.ledger.read() if isinstance(entry.event, kind)]
