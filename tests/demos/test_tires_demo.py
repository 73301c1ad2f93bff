"""`retread demo tires` on few drawn photos, for real, and what the command refuses."""

from __future__ import annotations

import io
from pathlib import Path

import psutil
import pytest

from retread.cli.main import run
from retread.core import SystemClock
from retread.demos.script import FRESH
from retread.demos.story import Story
from retread.demos.tellers import PlainTeller
from retread.demos.tires.demo import Sizes, play


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_drawn_photos_make_a_better_model_for_the_changed_traffic(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    stream = io.StringIO()
    story = Story(SystemClock(), PlainTeller(stream, SystemClock()))
    summary = play(tmp_path / "there", None, 0, story, Sizes(first=700, quiet=100, epochs=10))
    assert summary.closed, stream.getvalue()
    assert [(row.version, row.stage) for row in summary.versions] == [
        (1, "Archived"),
        (2, "Production"),
    ]
    before, after = (row for row in summary.measured if row.traffic == FRESH)
    assert (before.who, after.who) == ("version 1", "version 2")
    assert before.answers == after.answers >= 100
    assert after.mean > before.mean
    assert not left_over(tmp_path)


def left_over(folder: Path) -> list[str]:
    """Processes that were started for a project below `folder`."""
    commands = (" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"]))
    return [command for command in commands if str(folder) in command]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trucks"], "tires, iris, bikes"),
        (["bikes"], "--data hour.csv"),
        (["iris", "--data", "."], "Leave out --data"),
        (["tires", "--data", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["demo", *words]) == 1
    assert said in capsys.readouterr().err.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []
