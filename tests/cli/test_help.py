"""Help in groups with whole sentences, and suggestions for what was mistyped."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from retread.cli.help import GROUPS
from retread.cli.main import build_app, run


def test_u17_every_command_is_in_one_group_with_its_whole_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root: Any = typer.main.get_command(build_app())
    visible = sorted(name for name, command in root.commands.items() if not command.hidden)
    assert sorted(name for names in GROUPS.values() for name in names) == visible
    assert run(["--help"]) == 0
    printed = capsys.readouterr().out
    assert [line[:-1] for line in printed.splitlines() if line.endswith(":")][1:] == list(GROUPS)
    assert "..." not in printed.partition("Start:")[2]
    flat = " ".join(printed.split())
    for name in visible:
        sentence = " ".join(root.commands[name].help.split("\n\n")[0].split())
        assert sentence.endswith("."), name
        assert f"{name} {sentence}" in flat
    assert all(len(line) <= 80 for line in printed.splitlines())


def test_u17_a_new_command_is_listed_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("retread.cli.help.GROUPS", {"Start": ("init",)})
    assert run(["--help"]) == 0
    printed = capsys.readouterr().out
    assert "More:\n" in printed
    assert "\n  train" in printed


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (["train", "--lr", "1"], "--learning-rate"),
        (["train", "--rate", "1"], "--learning-rate"),
        (["train", "--epoch", "1"], "--epochs"),
        (["train", "--version", "1"], "--dataset-version"),
        (["promote", "--forced"], "--force"),
        (["trian"], "'train'"),
        (["list"], "'data list', 'runs list' or 'triggers list'"),
        (["release"], "'data release'"),
        (["data", "lst"], "'list'"),
    ],
    ids=" ".join,
)
def test_u17_what_was_mistyped_is_suggested(
    words: list[str], suggestion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    printed = capsys.readouterr().err
    assert suggestion in printed
    assert "--help)" not in printed


def test_u17_nothing_is_suggested_for_what_is_like_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["train", "--xyzzy"]) == 2
    assert "Possible" not in capsys.readouterr().err
