"""User code is imported, or the error says what prevents it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from retread.core import InvalidInput, add_to_import_path, import_from_string


@pytest.fixture
def own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_an_import_string_names_an_object(own_code: Path) -> None:
    (own_code / "my_models_for_this_test.py").write_text("Tree = 7")
    assert import_from_string("model type", "my_models_for_this_test:Tree") == 7
    with pytest.raises(InvalidInput, match="has no model type 'Bush'"):
        import_from_string("model type", "my_models_for_this_test:Bush")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def tree(:", "SyntaxError: "),
        ("raise SystemExit(3)", "SystemExit: 3"),
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
def test_invalid_import_strings(path: str) -> None:
    with pytest.raises(InvalidInput, match="is not a valid recipe"):
        import_from_string("recipe", path)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("no_colon", ""),
        ("own_for_this_test:x", ""),
        ("own_for_this_test:x", "1 / 0"),
        ("gone:x", ""),
    ],
)
def test_an_error_names_the_interface_if_it_is_known(
    own_code: Path, monkeypatch: pytest.MonkeyPatch, path: str, code: str
) -> None:
    (own_code / "own_for_this_test.py").write_text(code)
    monkeypatch.delitem(sys.modules, "own_for_this_test", raising=False)
    with pytest.raises(InvalidInput) as refused:
        import_from_string("recipe", path, "retread.training.Recipe")
    assert refused.value.hint.endswith("; see retread.training.Recipe in docs/extending.md.")
    sys.modules.pop("own_for_this_test", None)


def test_modules_of_one_name_in_two_projects_are_not_confused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = "twice_for_this_test"
    files = [tmp_path / project / f"{name}.py" for project in ("one", "two")]
    for number, file in enumerate(files):
        file.parent.mkdir()
        file.write_text(f"number = {number}")
    add_to_import_path(files[0].parent)
    assert import_from_string("recipe", f"{name}:number") == 0
    add_to_import_path(files[1].parent)
    both = f"ambiguous: it is in {files[1]}, but Python finds {files[0]}. Rename yours"
    with pytest.raises(InvalidInput, match=re.escape(both)):
        import_from_string("recipe", f"{name}:number")
    del sys.modules[name]


@pytest.mark.parametrize("name", ["code", "sys", "pytest"])
def test_an_installed_module_does_not_hide_one_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    own = tmp_path / f"{name}.py"
    own.write_text("Tree = 7")
    add_to_import_path(tmp_path)
    with pytest.raises(InvalidInput, match=f"it is in {re.escape(str(own))}, but Python finds "):
        import_from_string("model type", f"{name}:Tree")
