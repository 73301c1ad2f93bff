"""A new check or source is one new file; the package is light to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from retread.data import DatasetStore, VersionState, checks, sources

from .conftest import Adds, Images

CHECK = """
from retread.core import CheckResult, Outcome

def check(summary):
    small = summary.rows < 81
    outcome = Outcome.FAIL if small else Outcome.PASS
    return CheckResult(check="enough_rows", outcome=outcome, reason=f"{summary.rows} rows.")
"""

SOURCE = """
import pyarrow as pa
from retread.data.tabular import gather_table

DESCRIPTION = "a file of KEY=VALUE lines"

def accepts(request):
    return request.source.suffix == ".pairs"

def gather(request):
    lines = [line.split("=") for line in request.source.read_text().split()]
    table = pa.table({"x": [float(x) for x, _ in lines], "y": [y for _, y in lines]})
    return gather_table(table, request.source.name, request)
"""


def test_a_new_check(
    images: Images, add: Adds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "enough_rows.py").write_text(CHECK)
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path / "plugins")])
    held = add(images())
    assert [check.reason for check in held.failed_checks] == ["80 rows."]
    assert add(images(good=range(41))).state is VersionState.RELEASED


def test_a_new_source(
    store: DatasetStore, add: Adds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "pairs.py").write_text(SOURCE)
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path / "plugins")])
    (tmp_path / "my.pairs").write_text("\n".join(f"{i}={'ab'[i % 2]}" for i in range(60)))
    assert add(tmp_path / "my.pairs", labels="y").labels == {"a": 30, "b": 30}


def test_values_are_imported_without_lance() -> None:
    code = "import sys, retread.data; sys.exit('lance' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
