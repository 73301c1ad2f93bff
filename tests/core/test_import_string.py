"""The user's own code is loaded, or it is said what keeps it from it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from retread.core import InvalidInput, import_from_string


@pytest.fixture
def own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_what_a_path_names(own_code: Path) -> None:
    (own_code / "my_models_for_this_test.py").write_text("Tree = 7")
    assert import_from_string("model type", "my_models_for_this_test:Tree") == 7
    with pytest.raises(InvalidInput, match="has no model type 'Bush'"):
        import_from_string("model type", "my_models_for_this_test:Bush")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def tree(:", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
    ],
)
def test_a_module_that_does_not_import(own_code: Path, code: str, problem: str) -> None:
    (own_code / "broken_for_this_test.py").write_text(code)
    with pytest.raises(
        InvalidInput, match=f"'broken_for_this_test:x' cannot be imported: {problem}"
    ):
        import_from_string("model type", "broken_for_this_test:x")
    assert "broken_for_this_test" not in sys.modules


@pytest.mark.parametrize("path", ["no_colon", ":x", "a:", "a b:c", "a:b:c", "a..b:c"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(InvalidInput, match="does not name a recipe"):
        import_from_string("recipe", path)
