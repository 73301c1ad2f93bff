"""Projects of demos: a template with some settings changed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.core import Conflict
from retread.demos.bikes.demo import SETTINGS as BIKES
from retread.demos.environment import Values, make_project, unused_folder, with_values
from retread.demos.iris import SETTINGS as IRIS
from retread.demos.tires.demo import REAL
from retread.demos.tires.sizing import FULL, SMALL
from retread.project import open_project

_VALUES = st.one_of(st.integers(0, 99), st.booleans(), st.text("abc ", max_size=5))


@given(
    st.dictionaries(
        st.sampled_from(["gate", "serving", "new"]),
        st.dictionaries(st.sampled_from(["a", "margin", "port"]), _VALUES, min_size=1),
    )
)
def test_every_value_is_set_and_every_other_kept(values: dict[str, dict[str, object]]) -> None:
    before = '[gate]\nmargin = 0.02 # why\nmetric = "F1"\n\n[serving]\nport = 5001'
    after = tomllib.loads(with_values(before, values))
    for section, settings in values.items():
        for key, value in settings.items():
            assert after[section][key] == value
    assert after["gate"]["metric"] == "F1"
    if "margin" not in values.get("gate", {}):
        assert after["gate"]["margin"] == 0.02


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("tires", FULL.settings),
        ("tires", SMALL.settings),
        ("tires", REAL),
        ("iris", IRIS),
        ("bikes", BIKES),
    ],
    ids=["full", "small", "real photos", "iris", "bikes"],
)
def test_the_settings_of_every_demo_are_valid(
    tmp_path: Path, template: str, values: Values
) -> None:
    make_project(tmp_path / "there", template, values)
    settings = open_project(tmp_path / "there", {}).settings
    for section, wanted in values.items():
        for key, value in wanted.items():
            found = getattr(getattr(settings, section), key)
            assert found == (tuple(value) if isinstance(value, list) else value)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Conflict):
        make_project(tmp_path, "iris", {})
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_unused_folders_are_numbered(tmp_path: Path) -> None:
    assert unused_folder(tmp_path, "demo-iris").name == "demo-iris"
    (tmp_path / "demo-iris").mkdir()
    (tmp_path / "demo-iris-2").mkdir()
    assert unused_folder(tmp_path, "demo-iris").name == "demo-iris-3"
