"""The user's own code, named by import string."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from retread.app import Workspace
from retread.core import import_from_string
from retread.project import open_project


def test_a_module_next_to_retread_toml_can_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "retread.toml").write_text("")
    (tmp_path / "our_own_recipes.py").write_text("class Grading:\n    '''Ours.'''\n")
    Workspace(open_project(tmp_path, {}))
    assert import_from_string("recipe", "our_own_recipes:Grading").__doc__ == "Ours."
