from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from retread.core import (
    InvalidInput,
    NotFound,
    UnknownOption,
    code_of_user,
    floats,
    load_plugin,
    load_plugins,
    plugin_names,
)


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


@pytest.mark.parametrize("error", [ValueError("3"), SystemExit(3)])
def test_whatever_the_code_of_a_user_raises_is_reported(error: BaseException) -> None:
    problem = (
        rf"^The recipe 'm:f' failed: {type(error).__name__}: 3\. Fix it as retread\.R describes"
    )
    with pytest.raises(InvalidInput, match=problem), code_of_user("recipe", "m:f", "retread.R"):
        raise error


@pytest.mark.parametrize("error", [NotFound("gone"), KeyboardInterrupt()])
def test_errors_for_users_and_interruptions_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, code_of_user("recipe", "m:f", "retread.R"):
        raise error
    assert raised.value is error


def test_numbers_of_numpy_become_floats() -> None:
    found = floats({"a": np.float64(0.5), "b": np.float32(0.5), "c": np.int64(2), "d": np.True_})
    assert found == {"a": 0.5, "b": 0.5, "c": 2.0, "d": 1.0}
    assert {type(value) for value in found.values()} == {float}


@pytest.mark.parametrize("values", [None, 0.5, {1: 0.5}, {"a": "1"}, {"a": None}, {"a": 10**400}])
def test_what_is_no_number_is_refused(values: Any) -> None:
    with pytest.raises(ValueError, match=r"object of type|key 1|too large"):
        floats(values)
