"""A check or source is added with one file, and the package is light to import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retread.core import InvalidInput
from retread.core.quarantine import VersionState
from retread.data import DatasetStore, checks, sources

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


OWN_SOURCES = """
import pyarrow as pa
from retread.data import gather_table

class KeyValueFile:
    DESCRIPTION = "a file of LABEL=VALUE lines"

    def accepts(self, request):
        return request.source.suffix == ".pairs"

    def gather(self, request):
        pairs = [line.split("=") for line in request.source.read_text().splitlines()]
        table = pa.table({"x": [float(x) for _, x in pairs], "y": [y for y, _ in pairs]})
        return gather_table(table, request.source.name, request)

class WithoutGather:
    DESCRIPTION = "nothing"

    def accepts(self, request):
        return True

class WithoutDescription(KeyValueFile):
    DESCRIPTION = ""

class OfNoExamples(KeyValueFile):
    def gather(self, request):
        return []

class Failing(KeyValueFile):
    def gather(self, request):
        return {}["x"]

class WithArguments(KeyValueFile):
    def __init__(self, path):
        self.path = path

class AcceptsNothing(KeyValueFile):
    def accepts(self):
        return True

class Exits(KeyValueFile):
    def accepts(self, request):
        raise SystemExit

class OfFrame(KeyValueFile):
    def gather(self, request):
        import pandas as pd
        return gather_table(pd.DataFrame({"x": [1.0], "y": ["a"]}), "pairs", request)
"""


@pytest.fixture
def own_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an importable module with data sources of a project's own."""
    name = "own_sources_of_a_project"
    (tmp_path / f"{name}.py").write_text(OWN_SOURCES)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my.pairs").write_text("\n".join(f"{'ab'[i % 2]}={i}" for i in range(60)))
    yield name
    sys.modules.pop(name, None)


def test_a_source_of_the_project_is_used(add: Adds, tmp_path: Path, own_sources: str) -> None:
    settings = {"extra_sources": [f"{own_sources}:KeyValueFile"]}
    version = add(tmp_path / "my.pairs", labels="y", settings=settings)
    assert version.labels == {"a": 30, "b": 30}
    with pytest.raises(InvalidInput, match="Supported: a file of LABEL=VALUE lines; a folder"):
        add(tmp_path, labels="y", settings=settings)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("WithoutGather", r"has no method gather\(\)\. Implement retread.data.Source; see docs"),
        ("WithoutDescription", "has no text DESCRIPTION"),
        ("OfNoExamples", "object of type list, not SourceExamples"),
        ("Failing", "failed: KeyError"),
        ("WithArguments", r"cannot be called without arguments\. Implement retread.data.Source"),
        (
            "AcceptsNothing",
            r"accepts\(\) cannot be called with \(request\)\. Implement retread",
        ),
        (
            "Exits",
            r"failed: SystemExit. Fix it as retread.data.Source describes; see docs/extending.md",
        ),
        ("OfFrame", "an object of type DataFrame for pairs.*retread.data.Source in docs"),
        ("Missing", "has no data source 'Missing'.*retread.data.Source in docs/extending.md"),
    ],
)
def test_an_invalid_source_of_the_project_is_refused(
    store: DatasetStore, add: Adds, tmp_path: Path, own_sources: str, name: str, problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        add(
            tmp_path / "my.pairs",
            labels="y",
            settings={"extra_sources": [f"{own_sources}:{name}"]},
        )
    assert store.datasets() == ()


def test_the_package_is_imported_without_lance() -> None:
    code = "import sys, retread.data; sys.exit('lance' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
