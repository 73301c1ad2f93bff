from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from retread.core import UnknownOption, load_plugin, load_plugins, plugin_names


def test_a_plugin_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "round.py").write_text("SIDES = 0\n")
    (tmp_path / "square.py").write_text("SIDES = 4\n")
    (tmp_path / "_private.py").write_text("raise RuntimeError\n")
    package = ModuleType("shapes_for_this_test")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    assert plugin_names(package) == ("round", "square")
    assert load_plugin(package, "shape", "square").SIDES == 4
    assert {name: m.SIDES for name, m in load_plugins(package).items()} == {"round": 0, "square": 4}
    with pytest.raises(UnknownOption, match=r"Unknown shape 'oval'. Use one of: round, square."):
        load_plugin(package, "shape", "oval")
