"""The results: closed or not, and as people read them."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from retread.app.projects import new_project
from retread.demos.criteria import Criterion, all_met
from retread.demos.reporter import Level, ReportEntry
from retread.demos.results import (
    DemoResults,
    TrafficRow,
    VersionRow,
    links,
    next_commands,
    up_command,
)
from retread.demos.results_view import results_view, save_svg

REQUEST = "1a1fd3009a3-f4e1fe-0000000000000001"


def results(*, closed: bool) -> DemoResults:
    return DemoResults(
        demo="tires",
        folder="/there/demo-tires",
        closed=closed,
        seconds=161.0,
        criteria=(Criterion(name="the alarm triggers a retraining", met=closed, detail="trg_1"),),
        versions=(
            VersionRow(
                version=1,
                model_type="cnn",
                data="tires@1",
                stage="Archived",
                cause="manual",
                metrics={"Accuracy": 0.9031, "Loss": 0.3},
            ),
        ),
        caveat=CAVEAT,
        metric="Accuracy",
        traffic=(
            TrafficRow(traffic="after the change", model="version 1", mean=0.5, predictions=2),
            TrafficRow(traffic="after the change", model="version 2", mean=1.0, predictions=1),
        ),
        measures={"ratio": 0.512},
        messages=("tires: the traffic has changed",),
        up="retread up --detach --project demo-tires",
        links=(("http://127.0.0.1:5002", "status"),),
        commands=next_commands("/there/demo-tires", REQUEST, can_roll_back=True),
    )


CAVEAT = "In the data made of traffic, a tire may lie on both sides of a split: it flatters them."


def text_of(value: DemoResults, width: int = 80) -> str:
    """As the command line prints it: long lines are left to the terminal."""
    stream = io.StringIO()
    Console(file=stream, width=width, soft_wrap=True).print(results_view(value))
    return stream.getvalue()


def test_a_closed_loop_is_shown_with_its_numbers() -> None:
    text = text_of(results(closed=True))
    assert "tires: all criteria met in 2 min 41 s" in text
    assert "Accuracy 0.9031" in text
    assert "0.5  (2)" in text
    assert "1  (1)" in text
    assert "0.512" in text
    assert "the traffic has changed" in text
    assert CAVEAT in " ".join(text.split())
    assert text.index("retread up --detach --project demo-tires") < text.index("127.0.0.1:5002")


@pytest.mark.parametrize("width", [30, 60, 200])
def test_commands_can_be_copied_whatever_the_width(width: int) -> None:
    lines = [line.strip() for line in text_of(results(closed=True), width).splitlines()]
    assert f"retread lineage {REQUEST}" in lines
    assert "retread up --detach --project demo-tires" in lines
    assert "http://127.0.0.1:5002" in lines


def test_a_loop_that_did_not_close_says_what_is_missing() -> None:
    text = text_of(results(closed=False))
    assert "NOT all criteria met" in text
    assert "\N{BALLOT X}" in text


def test_all_criteria_must_be_met_and_there_must_be_some() -> None:
    met = Criterion(name="a", met=True, detail="")
    missed = Criterion(name="b", met=False, detail="")
    assert all_met([met, met])
    assert not all_met([met, missed])
    assert not all_met([])


def test_without_an_earlier_model_there_is_nothing_to_roll_back_to() -> None:
    commands = [command for command, _ in next_commands("x", "id", can_roll_back=False)]
    assert "retread rollback" not in commands


def test_it_is_one_json_document() -> None:
    encoded = msgspec.json.encode(results(closed=True))
    assert msgspec.json.decode(encoded, type=DemoResults) == results(closed=True)


def test_links_have_the_ports_of_the_project(tmp_path: Path) -> None:
    new_project(tmp_path / "there", "iris")
    assert [address for address, _ in links(tmp_path / "there")] == [
        "http://127.0.0.1:5002",
        "http://127.0.0.1:5000",
        "http://127.0.0.1:5001/v2/models/iris",
    ]


def test_links_follow_the_settings_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_project(tmp_path / "there", "iris")
    monkeypatch.setenv("RETREAD__SERVING__PORT", "6001")
    assert "http://127.0.0.1:6001/v2/models/iris" in dict(links(tmp_path / "there"))


def test_the_command_is_relative_to_where_the_demo_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert up_command(tmp_path / "demo-iris") == "retread up --detach --project demo-iris"
    spaced = tmp_path.parent / "my demo"
    assert shlex.split(up_command(spaced))[-1] == str(spaced)


def test_the_image_of_a_terminal_shows_the_report_and_the_results(tmp_path: Path) -> None:
    entry = ReportEntry(at_s=1, level=Level.INFO, text="drift-in-the-report")
    save_svg([entry], results(closed=True), "retread demo tires", tmp_path / "demo.svg")
    svg = (tmp_path / "demo.svg").read_text("utf-8")
    assert svg.startswith("<svg")
    for text in ("retread&#160;demo&#160;tires", "drift-in-the-report", "trg_1"):
        assert text in svg
