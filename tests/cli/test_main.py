"""The command line as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from rich.table import Table

from retread.cli import commands, output
from retread.cli.help import GROUPS
from retread.cli.main import build_app, run, with_hyphens
from retread.cli.reference import cli_reference
from retread.core import InvalidInput
from retread.project.templates import template_names

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "retread.toml").write_text(
        "[project]\ntracking_port = 0\ncontrol_port = 0\n[serving]\nport = 0\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


WITHOUT_RESULT = ["serve"]  # runs until interrupted: there is nothing to print as JSON


def every_command() -> list[list[str]]:
    def walk(command: object, path: list[str]) -> list[list[str]]:
        children = getattr(command, "commands", None)
        if children is None:
            return [path]
        return [p for name, child in children.items() for p in walk(child, [*path, name])]

    return walk(typer.main.get_command(build_app()), [])


def test_retread_alone_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    printed = capsys.readouterr().out
    assert [group for group in GROUPS if f"\n{group}:\n" in printed] == list(GROUPS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"retread {version('retread')}\n"


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_has_help_and_json(
    path: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert "--json" in text or path == WITHOUT_RESULT
    assert len(text.split("\n\n")) >= 3, "no description"


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["init"],
        ["--nope"],
        ["init", "a", "b"],
        ["settings", "nope"],
        ["up", "--x"],
        ["feedback"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "retread" in printed.err
    assert run([*words, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "wrong_usage"


def test_an_error_is_one_sentence_and_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["status"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "retread init" in printed.err
    assert run(["status", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["code"] == "not_found"


def test_names_that_look_like_markup_are_printed_unchanged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.emit({}, as_json=False, text="[gate] [bold]x[/bold] :smile:")
    assert capsys.readouterr().out == "[gate] [bold]x[/bold] :smile:\n"
    table = Table("[/column]", title="[/title]", box=None, pad_edge=False)
    table.add_row("[/cell] :smile:")
    output.emit({}, as_json=False, text=table)
    lines = capsys.readouterr().out.split("\n")
    assert [line.strip() for line in lines] == ["[/title]", "[/column]", "[/cell] :smile:", ""]
    output.report(InvalidInput("[/error]"), as_json=False)
    assert capsys.readouterr().err == "[/error]\n"


def test_a_message_that_looks_like_markup_is_listed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = "[/now]"
    assert run(["trigger", "manual", "--message", message]) == 0
    assert run(["triggers", "list"]) == 0
    assert message in capsys.readouterr().out
    assert run(["triggers", "replay"]) == 0


def test_options_can_be_written_with_underscores() -> None:
    assert with_hyphens(["--dataset_version", "split_1"]) == ["--dataset-version", "split_1"]
    assert with_hyphens(["--", "--a_b"]) == ["--", "--a_b"]


def test_a_new_file_adds_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "greet.py").write_text(
        "import typer\n"
        "from retread.cli.output import emit\n"
        "def register(app: typer.Typer) -> None:\n"
        "    app.command('greet')(greet)\n"
        "def greet() -> None:\n"
        "    emit('hello', as_json=False, text='hello')\n"
    )
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    assert run(["greet"]) == 0
    assert capsys.readouterr().out == "hello\n"
    monkeypatch.delitem(sys.modules, "retread.cli.commands.greet")


@pytest.mark.parametrize("template", template_names())
def test_init_creates_a_project_from_each_template(
    template: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "new"
    assert run(["init", str(folder), "--template", template, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["files"]
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert set(made) == found
    assert found >= {"retread.toml", "README.md", ".gitignore", ".github/workflows/retread.yml"}
    assert ("iris.csv" in found) == (template == "iris")
    monkeypatch.chdir(folder)
    assert run(["settings", "show", "data.dataset"]) == 0
    assert capsys.readouterr().out.strip()
    before = (folder / "README.md").read_bytes()
    assert run(["init", str(folder), "--template", template]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert (folder / "README.md").read_bytes() == before


def test_init_refuses_unknown_templates_and_files_in_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / "x"), "--template", "tyres"]) == 1
    assert "Use one of: bikes, blank, iris, tires." in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    (tmp_path / "file").write_text("")
    assert run(["init", str(tmp_path / "file" / "below")]) == 1
    assert f"{tmp_path / 'file'} is a file." in capsys.readouterr().err


def test_settings_show_and_schema(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["settings", "show"]) == 0
    assert "[gate]" in capsys.readouterr().out
    assert run(["settings", "show", "serving.port", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == 0
    assert run(["settings", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "retread.toml"


def test_doctor_names_what_is_wrong(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)
    assert {f["subject"] for f in findings} >= {"python", "packages", "disk", "settings", "ledger"}
    (project / "retread.toml").write_text("[gate]\nmetrik = 1\n")
    assert run(["doctor"]) == 1
    assert "BAD   settings    retread.toml has 1 mistake" in capsys.readouterr().out


def test_status_and_down_when_nothing_runs(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "--json"]) == 0
    nothing = {"up": False, "supervisor": None, "project": None}
    assert json.loads(capsys.readouterr().out) == nothing
    assert run(["down"]) == 0
    assert capsys.readouterr().out == "No services were running.\n"


@pytest.mark.slow
def test_a_closed_pipe_is_not_an_error(project: Path) -> None:
    code = "import sys; from retread.cli.main import run; sys.exit(run(['settings', 'docs']))"
    command = f'"{sys.executable}" -c "{code}" | head -n 1'
    ended = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env=os.environ
    )
    assert ended.stdout == "# Settings\n"
    assert ended.stderr == ""


def test_the_command_page_is_current() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert page.strip() == cli_reference().strip(), "python -m retread.cli.reference > docs/cli.md"


@pytest.mark.parametrize(
    "time", ["nan", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "99999-01-01"]
)
def test_times_that_are_not_valid(
    time: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history", "--at", time]) == 1
    assert "is not a valid time. Write it as" in capsys.readouterr().err


@pytest.mark.slow
def test_numbers_longer_than_any_version(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lineage", "9" * 5000]) == 1
    assert "No request" in capsys.readouterr().err
    assert run(["train", "--dataset", "x", "--dataset-version", "9" * 5000]) == 1
    assert "is not a dataset version" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-1", "99999999999", "x"])
def test_a_demo_with_an_invalid_seed_creates_nothing(
    seed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "iris", "--seed", seed, "--folder", str(tmp_path / "new")]) == 2
    assert "--seed" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
