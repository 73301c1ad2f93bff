"""A model that learned flipped labels: stopped three times, and no client notices.

Judged point 5, with real parts only: data, trainings, gate, server, loop, client, webhook.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from tests.acceptance.asking import Asking
from tests.acceptance.judged_project import Typed, flipped_but_for_evaluation, write_rows
from tests.serving.running import until

from retread.app import Workspace
from retread.demos.fake_slack import FakeSlack
from retread.demos.services import Services
from retread.registry import Stage, state_at
from retread.registry.events import CanaryFinished, GateOverridden, RetrainingFinished

pytestmark = pytest.mark.slow

WHY = "to see the canary catch it"


@pytest.fixture
def flipped(space: Workspace, typed: Typed) -> int:
    """Version 2: trained on flipped labels that a person let out of quarantine."""
    source = space.project.root / "treads.csv"
    write_rows(source, flipped_but_for_evaluation(space, space.datasets.version("treads", 1)))
    code, _, err = typed("data", "add", "treads")
    assert code == 1
    assert "rows shared with treads@1 have another label" in err
    assert typed("data", "release", "treads@2", "--reason", "I know better")[0] == 0
    code, out, _ = typed("train", "--json")
    assert code == 0
    (trained,) = json.loads(out)["runs"]
    # On its own validation split it is a fine model: only the frozen split can tell.
    assert trained["outcome"]["metrics"]["Accuracy"] > 0.8
    return int(trained["version"])


def test_refused_by_the_gate_and_when_forced_rolled_back_by_the_canary(
    space: Workspace, typed: Typed, flipped: int
) -> None:
    _refused_with_the_numbers(typed, flipped)
    with FakeSlack() as slack:
        environment = {
            **os.environ,
            "RETREAD_SLACK_WEBHOOK": slack.address,
            "OMP_NUM_THREADS": "1",
        }
        with Services(space.project, ("serving", "loop"), environment) as services:
            for name in ("serving", "loop"):
                services.start(name)
                services.wait_until_ready(name)
            with Asking(services.address("serving"), "treads") as client:
                _forced(space, typed, flipped, client)
                rolled_back = f"treads: version {flipped} was rolled back, 1 answers alone"
                until(lambda: rolled_back in slack.headlines, "Slack knows of the rollback")
                services.check()
        assert slack.headlines.count(rolled_back) == 1
    assert client.failures == []
    _caught_by_the_canary(space, flipped)
    _answers_agree_with_history(space, client, flipped)
    space.ledger.verify()


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
    code, out, err = typed("produce", str(version))
    assert (code, out) == (1, "")
    assert err.startswith(f"The gate did not pass version {version}: fail. ")
    assert sentence in err
    assert err.count("\n") == 1


def _forced(space: Workspace, typed: Typed, version: int, client: Asking) -> None:
    """From the command to the end of the canary, and a hundred answers more."""
    until(lambda: len(client.answers) >= 20, "answers from production")
    code, out, err = typed("trigger", "manual", "--candidate", str(version), "--force", WHY)
    assert code == 0, err
    assert "accepted" in out
    until(lambda: bool(_events(space, RetrainingFinished)), "the end of the canary", 120)
    after = len(client.answers) + 100
    until(lambda: len(client.answers) >= after, "answers after the rollback")


def _caught_by_the_canary(space: Workspace, version: int) -> None:
    (override,) = _events(space, GateOverridden)
    (ended,) = _events(space, CanaryFinished)
    (retraining,) = _events(space, RetrainingFinished)
    assert (override.version, override.reason) == (version, WHY)
    assert (ended.version, ended.outcome) == (version, "rolled-back")
    assert (retraining.version, retraining.outcome) == (version, "rolled-back")
    state = space.registry.state()
    assert state.production == 1
    assert state.version(1).stage is Stage.PRODUCTION
    assert state.version(version).stage is Stage.ARCHIVED
    assert [str(slot) for slot in state.slots] == ["production"]


def _answers_agree_with_history(space: Workspace, client: Asking, version: int) -> None:
    assert {(a.slot, a.version) for a in client.answers} == {
        ("production", 1),
        ("canary", version),
    }
    from_canary = [answer for answer in client.answers if answer.slot == "canary"]
    entries = space.ledger.read()
    ended = next(entry.at for entry in entries if isinstance(entry.event, CanaryFinished))
    assert all(answer.asked <= ended for answer in from_canary)
    assert all(state_at(entries, answer.arrived).production == 1 for answer in from_canary)
    assert {a.version for a in client.answers[-50:]} == {1}


def _events(space: Workspace, kind: type) -> list[Any]:
    return [entry.event for entry in space.ledger.read() if isinstance(entry.event, kind)]
