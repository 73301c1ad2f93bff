"""`retread demo tires` on drawn photos, for real, and what the command refuses."""

from __future__ import annotations

import io
from pathlib import Path

import psutil
import pytest

from retread.cli.main import run
from retread.core import SystemClock
from retread.demos.reporter import PlainRenderer, Reporter
from retread.demos.tires.demo import run_drawn
from retread.demos.tires.sizing import SMALL
from retread.demos.traffic import HELD_OUT


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_drawn_photos_make_a_better_model_for_the_changed_traffic(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    stream = io.StringIO()
    reporter = Reporter(SystemClock(), PlainRenderer(stream, SystemClock()))
    results = run_drawn(tmp_path / "new", 0, reporter, SMALL)
    assert results.closed, stream.getvalue()
    assert [(row.version, row.stage) for row in results.versions] == [
        (1, "Archived"),
        (2, "Production"),
    ]
    before, after = (row for row in results.traffic if row.traffic == HELD_OUT)
    assert (before.model, after.model) == ("version 1", "version 2")
    assert before.predictions == after.predictions >= 100
    assert after.mean > before.mean
    assert not left_over(tmp_path)


def left_over(folder: Path) -> list[str]:
    """Processes that were started for a project below `folder`."""
    commands = (" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"]))
    return [command for command in commands if str(folder) in command]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trucks"], "tires, iris, bikes"),
        (["bikes"], "--data hour.csv"),
        (["iris", "--data", "."], "Omit --data"),
        (["tires", "--data", "nowhere"], "nowhere"),
    ],
)
def test_invalid_demos_are_refused_before_anything_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["demo", *words]) == 1
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []
