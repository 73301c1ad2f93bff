"""`retread trigger` and `retread triggers` on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from retread.cli.main import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "retread.toml").write_text('[project]\nname = "tires"\n')
    return tmp_path


def typed(project: Path, capsys: Capture, *words: str) -> tuple[int, Any, str]:
    """Return the exit code, the JSON document, and what was printed to stderr."""
    code = run([*words, "--project", str(project), "--json"])
    out, err = capsys.readouterr()
    return code, msgspec.json.decode(out), err


def test_manual_is_accepted_and_listed(project: Path, capsys: Capture) -> None:
    code, answer, _ = typed(project, capsys, "trigger", "manual", "--message", "Monday")
    assert (code, answer["decision"]) == (0, "accepted")
    code, rows, _ = typed(project, capsys, "triggers", "list")
    assert code == 0
    assert [(row["trigger"], row["detail"]) for row in rows] == [(answer["trigger"], "Monday")]


def test_the_text_names_the_next_command(project: Path, capsys: Capture) -> None:
    assert run(["trigger", "manual", "--project", str(project)]) == 0
    out = capsys.readouterr().out
    assert "was accepted. It starts now." in out
    assert "retread status" in out


def test_a_second_request_with_the_same_key_is_refused(project: Path, capsys: Capture) -> None:
    typed(project, capsys, "trigger", "manual", "--key", "ticket-7")
    code, answer, err = typed(project, capsys, "trigger", "manual", "--key", "ticket-7")
    assert code == 1
    assert answer["error"]["code"] == "refused"
    assert "was accepted with the same key" in err


def test_commit_message_from_the_environment(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETREAD_COMMIT_MESSAGE", "Deeper\n\nmodel: resnet18")
    code, answer, _ = typed(project, capsys, "trigger", "commit")
    assert (code, answer["decision"]) == (0, "accepted")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Fix a typo", "names no model to train"),
        ("model: resnet99", "Unknown model type 'resnet99'. Use one of: cnn,"),
        ("model: $(touch${IFS}pwned)", "Unknown model type '$(touch${IFS}pwned)'"),
        ("model: ;touch pwned", "Unknown model type ';touch'"),
    ],
)
def test_a_commit_without_a_known_model_changes_nothing(
    project: Path, capsys: Capture, message: str, error: str
) -> None:
    code, _, err = typed(project, capsys, "trigger", "commit", "--message", message)
    assert code == 1
    assert error in err
    assert not list(project.rglob("pwned"))
    _, rows, _ = typed(project, capsys, "triggers", "list")
    assert rows == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("drift",), "No drift was detected"),
        (("new-data",), "has no released version"),
        (("manual", "--candidate", "7"), "There is no model version 7"),
        (("manual", "--force", "because"), "--force requires --candidate"),
        (("manual", "--scenario", "nonsense"), "Unknown scenario 'nonsense'"),
    ],
    ids=["no alarm", "no data", "unknown candidate", "force alone", "unknown scenario"],
)
def test_impossible_requests_are_refused_at_once(
    project: Path, capsys: Capture, words: tuple[str, ...], error: str
) -> None:
    code, _, err = typed(project, capsys, "trigger", *words)
    assert (code, error in err) == (1, True), err


def test_a_model_type_of_another_recipe_is_refused(project: Path, capsys: Capture) -> None:
    scenario = "[training.scenarios.one]\nruns = [{ model_type = 'resnet99' }]\n"
    (project / "retread.toml").write_text(scenario)
    code, _, err = typed(project, capsys, "trigger", "manual", "--scenario", "one")
    assert (code, "there is no model type 'resnet99'" in err) == (1, True), err
    (project / "retread.toml").write_text("[recipe]\nkind = 'tabular-classification'\n")
    code, _, err = typed(project, capsys, "trigger", "manual")
    assert (code, "Unknown model type 'cnn'" in err) == (1, True), err
    assert typed(project, capsys, "triggers", "list")[1] == []


def test_replay_with_another_policy(project: Path, capsys: Capture) -> None:
    for _ in range(2):
        typed(project, capsys, "trigger", "manual")
    policy = project / "strict.toml"
    policy.write_text('[triggers]\nkinds = ["drift"]\n')
    code, rows, _ = typed(project, capsys, "triggers", "replay", "--policy", str(policy))
    assert code == 0
    assert [(row["was"], row["would_be"]) for row in rows] == [("accepted", "refused")] * 2
    _, same, _ = typed(project, capsys, "triggers", "replay")
    assert not any(row["differs"] for row in same)
    code, _, err = typed(project, capsys, "triggers", "replay", "--policy", "nowhere.toml")
    assert (code, "The file nowhere.toml does not exist" in err) == (1, True)
