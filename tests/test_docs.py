"""The documentation is what the code does."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from retread.app.supervisor.service import free_port

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = runpy.run_path(str(ROOT / "tools" / "docs.py"))["PAGES"]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
_TEST = re.compile(r"`((?:tests|benchmarks)/[\w./]+)`")


@pytest.mark.parametrize("page", PAGES)
def test_generated_pages_are_current(page: str) -> None:
    assert (DOCS / page).read_text("utf-8").strip() == PAGES[page]().strip(), "run: make docs"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_named_tests_exist(document: Path) -> None:
    text = document.read_text("utf-8")
    links = [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
    tests = [test for test in _TEST.findall(text) if not (ROOT / test).exists()]
    assert (links, tests) == ([], [])
    assert "NUMBER_" not in text


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_notebook_runs(tmp_path: Path) -> None:
    ports = ("PROJECT__TRACKING_PORT", "PROJECT__CONTROL_PORT", "SERVING__PORT")
    environment = {f"RETREAD__{port}": str(free_port()) for port in ports}
    code = (
        "import nbformat, sys, nbclient\n"
        "notebook = nbformat.read(sys.argv[1], as_version=4)\n"
        "nbclient.NotebookClient(notebook, timeout=300).execute()\n"
        "nbformat.write(notebook, sys.argv[2])\n"
    )
    executed = tmp_path / "executed.ipynb"
    done = subprocess.run(
        [sys.executable, "-c", code, str(DOCS / "quickstart.ipynb"), str(executed)],
        cwd=tmp_path,
        env={**os.environ, **environment, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    shown = executed.read_text("utf-8")
    for text in ("iris@1", "<caption>Runs</caption>", "setosa", "Production"):
        assert text in shown
