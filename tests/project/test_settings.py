from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from retread.core import InvalidInput, InvalidSettings, NotFound
from retread.project import (
    PluginNames,
    Settings,
    load_settings,
    open_project,
    parse_settings,
)
from retread.project.describe import setting, settings_markdown, settings_schema
from retread.project.templates import template_files, template_names
from retread.project.toml_text import as_toml

ROOT = Path(__file__).parents[2]
KNOWN = PluginNames(
    model_types={"image-classification": ("cnn", "resnet18"), "tabular-regression": ("forest",)},
    detectors=("conformal",),
)
FIVE_MISTAKES = """
[project]
name = "../tires"
[gate]
metrik = "F1"
metric = "Niceness"
[serving]
port = "5001"
[canary]
steps = [0.5, 0.1]
"""
FIVE_NAMES = """
[training]
model_type = "ccn"
[training.scenarios.wide]
runs = [{ epochs = 3 }, { model_type = "resnet18" }, { model_type = "forest" }]
[training.scenarios."a.b"]
runs = [{ model_type = "my.code:build" }, { model_type = "resnet" }]
[monitoring]
detectors = ["conformal", "ddm", "my.code:Detector", "adwin"]
"""


def problems_of(
    text: str, environment: dict[str, str], folder: Path, known: PluginNames | None = None
) -> tuple[str, ...]:
    path = folder / "retread.toml"
    path.write_text(text)
    with pytest.raises(InvalidSettings) as caught:
        load_settings(path, environment, known)
    return caught.value.problems


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "retread.toml").write_text("")
    assert load_settings(tmp_path / "retread.toml", {}) == Settings()


def test_five_mistakes_are_five_lines(tmp_path: Path) -> None:
    problems = problems_of(FIVE_MISTAKES, {}, tmp_path)
    assert [problem.split(":")[0] for problem in problems] == [
        "project.name",
        "gate.metrik",
        "serving.port",
        "gate.metric",
        "canary.steps",
    ]
    assert problems[1].endswith("Did you mean 'metric'?")
    assert problems[2] == "serving.port: should be a valid integer, but it is '5001'"


def test_names_of_other_packages_are_among_the_mistakes(tmp_path: Path) -> None:
    problems = problems_of(FIVE_MISTAKES + FIVE_NAMES, {}, tmp_path, KNOWN)
    assert problems[:5] == problems_of(FIVE_MISTAKES, {}, tmp_path)
    assert [problem.split(". Known")[0] for problem in problems[5:]] == [
        "training.model_type: there is no model type 'ccn'",
        "training.scenarios.wide.runs.2.model_type: there is no model type 'forest'",
        "training.scenarios.a.b.runs.1.model_type: there is no model type 'resnet'",
        "monitoring.detectors: there is no detector 'ddm'",
        "monitoring.detectors: there is no detector 'adwin'",
    ]
    assert problems[5].endswith("Known: cnn, resnet18, package.module:function.")


def test_a_recipe_decides_which_model_types_there_are(tmp_path: Path) -> None:
    (found,) = problems_of(f"[recipe]\nkind = 'image'\n{FIVE_NAMES}", {}, tmp_path, KNOWN)[:-2]
    known = "image-classification, tabular-regression, package.module:Class."
    assert found == f"recipe.kind: there is no recipe 'image'. Known: {known}"
    (found,) = problems_of(f"[recipe]\nkind = 3\n{FIVE_NAMES}", {}, tmp_path, KNOWN)[:-2]
    assert found.startswith("recipe.kind: should be a valid string")


@pytest.mark.parametrize("kind", ["tabular-regression", "my.code:Recipe"])
def test_a_model_type_that_nobody_chose_is_no_mistake(tmp_path: Path, kind: str) -> None:
    (tmp_path / "retread.toml").write_text(f"[recipe]\nkind = '{kind}'\n")
    assert load_settings(tmp_path / "retread.toml", {}, KNOWN).training.model_type == "cnn"


def test_a_mistake_hides_none_whose_key_begins_alike(tmp_path: Path) -> None:
    problems = problems_of("[canary]\nstep = [1]\nsteps = [0.5, 0.1]\n", {}, tmp_path)
    assert [problem.split(":")[0] for problem in problems] == ["canary.step", "canary.steps"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gate = 3", "gate: should be an object, but it is 3"),
        ("surprise = 3", "surprise: there is no such setting. Known: project, data,"),
        ("[gate]\nthreshold = nan", "gate.threshold: should be a finite number"),
        ("[serving]\nrecord = 1", "serving.record: should be a valid boolean"),
        ("[serving]\nhost = '0.0.0.0'", "serving.host: should be 127.0.0.1"),
        ("[serving]\nport = 5000", "project.tracking_port and serving.port: should differ"),
        ("[training]\nscenario = 'wide'", "training.scenario: there is no scenario 'wide'"),
        ("[training.scenarios.wide]\nruns = []", "training.scenarios.wide.runs: tuple should"),
        ("[data]\nvalidation_share = 0.45\nevaluation_share = 0.45", "data: validation_share"),
        ("[triggers]\nkinds = ['noon']", "triggers.kinds: there is no kind 'noon'. Known: manual"),
        ("[triggers]\nschedule = 'noon'", "triggers.schedule: should be a cron expression"),
        ("[training]\nseed = 4294967296", "training.seed: should be less than or equal to"),
        ("[gate", "it is not valid TOML"),
        ("x = " + "[" * 5000, "it is nested too deeply"),
        ("x = " + "[" * 400 + "]" * 400, "it cannot be read: recursion limit exceeded"),
        ("[serving]\nport = " + "9" * 5000, "it is not valid TOML: Exceeds the limit"),
        ("[serving]\nport = 0x" + "f" * 5000, "it cannot be read: Exceeds the limit"),
    ],
)
def test_one_mistake_is_one_line(text: str, problem: str, tmp_path: Path) -> None:
    (found,) = problems_of(text, {}, tmp_path)
    assert found.startswith(problem), found


def test_a_broken_scenario_is_not_also_a_missing_one(tmp_path: Path) -> None:
    text = "[training]\nscenario = 'wide'\n[training.scenarios.wide]\nruns = [{model_typ = 'cnn'}]"
    (found,) = problems_of(text, {}, tmp_path)
    assert found.startswith("training.scenarios.wide.runs.0.model_typ: there is no such setting")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "retread.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidSettings, match="not UTF-8"):
        load_settings(path, {})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "retread.toml"
    path.write_text("[serving]\nport = 1\n")
    environment = {
        "RETREAD__SERVING__PORT": "5101",
        "RETREAD__PROJECT__NAME": "2024",
        "RETREAD__GATE__METRIC": "F1",
        "RETREAD__CANARY__STEPS": "[0.2, 1.0]",
        "RETREAD__TRAINING__SCENARIOS__WIDE__RUNS": '[{model_type = "cnn"}]',
        "RETREAD_HOME": "elsewhere",
    }
    settings = load_settings(path, environment)
    assert settings.serving.port == 5101
    assert settings.project.name == "2024"
    assert settings.gate.metric == "F1"
    assert settings.canary.steps == (0.2, 1.0)
    assert settings.training.scenarios["wide"].runs[0].model_type == "cnn"


def test_a_wrong_override_is_named_as_its_variable(tmp_path: Path) -> None:
    environment = {"RETREAD__SERVING__PORT": "high", "RETREAD__GATE__METRIK": "F1"}
    problems = problems_of("gate = 3", environment, tmp_path)
    assert problems[0].startswith("RETREAD__GATE__METRIK in the environment (gate.metrik): there")
    assert problems[1].startswith("RETREAD__SERVING__PORT in the environment (serving.port): ")
    assert problems[1].endswith("but it is 'high'")


def test_an_environment_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    (found,) = problems_of("", {"RETREAD__PROJECT__NAME": "\udcff"}, tmp_path)
    assert found.startswith("it cannot be read: lone leading surrogate")


def test_a_long_number_in_the_environment_is_a_mistake(tmp_path: Path) -> None:
    (found,) = problems_of("", {"RETREAD__SERVING__PORT": "9" * 5000}, tmp_path)
    assert found.startswith("RETREAD__SERVING__PORT in the environment (serving.port): ")


keys = st.sampled_from([*Settings.model_fields, "metric", "port", "scenarios", "runs", "x"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, json_values, max_size=4))
def test_anything_is_settings_or_mistakes(values: dict[str, object]) -> None:
    try:
        settings = parse_settings(values, source="x")
    except InvalidSettings:
        return
    assert parse_settings(settings.model_dump(mode="json"), source="x") == settings


def test_the_settings_page_is_current() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert page.strip() == settings_markdown().strip(), "retread settings docs > docs/settings.md"


def test_every_setting_is_explained() -> None:
    schema = json.dumps(settings_schema())
    assert "early_stopping_min_loss" in schema
    for row in settings_markdown().splitlines():
        if row.startswith("| `"):
            assert not row.endswith("|  |"), row


def test_settings_survive_as_toml() -> None:
    values = parse_settings(
        {
            "training": {
                "scenarios": {
                    "wide": {"runs": [{"model_type": 'c"n'}, {"epochs": 3}]},
                    'a.b "ü"': {"runs": [{"epochs": 3}]},
                }
            }
        },
        source="x",
    )
    text = as_toml(values.model_dump(mode="json"))
    assert parse_settings(tomllib.loads(text), source="x") == values


def test_one_setting_by_its_key() -> None:
    assert setting(Settings(), "gate.metric") == "Accuracy"
    with pytest.raises(NotFound, match=r"no setting 'gate.metrik'"):
        setting(Settings(), "gate.metrik")


@pytest.mark.parametrize("name", template_names())
def test_templates_are_valid(name: str) -> None:
    values = tomllib.loads(template_files(name)["retread.toml"].decode())
    assert parse_settings(values, source=name).data.dataset


def test_a_project_is_found_from_below(tmp_path: Path) -> None:
    (tmp_path / "retread.toml").write_text("")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    project = open_project(below, {"RETREAD_HOME": "state"})
    assert (project.root, project.home) == (tmp_path, tmp_path / "state")
    assert project.logs.is_dir()


def test_no_project_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="retread init"):
        open_project(tmp_path, {})


@pytest.mark.parametrize("below", ["", "/deeper"])
def test_a_home_that_is_a_file_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "retread.toml").write_text("")
    (tmp_path / "state").write_text("")
    with pytest.raises(InvalidInput, match="set RETREAD_HOME to another folder"):
        open_project(tmp_path, {"RETREAD_HOME": f"state{below}"})
    assert open_project(tmp_path, {"RETREAD_HOME": ""}).home == tmp_path / ".retread"


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("", "{root}/.retread/retread.db"),
        ("sqlite:///state/x.db", "{root}/state/x.db"),
        ("sqlite:////state/x.db?timeout=3", "/state/x.db"),
    ],
)
@pytest.mark.parametrize("folder", ["plain", "what? 100%25 ü"])
def test_a_database_is_a_file_of_the_project_wherever_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, url: str, file: str
) -> None:
    root = tmp_path / folder
    (root / "below").mkdir(parents=True)
    (root / "retread.toml").write_text(f"[database]\nurl = '{url}'\n")
    monkeypatch.chdir(root / "below")
    project = open_project(Path(), {})
    assert make_url(project.database_url).database == file.format(root=root)
    for made in (project.tracking_url, project.workflows_url):
        assert Path(str(make_url(made).database)).parent == project.home


def test_the_address_of_a_server_is_left_alone(tmp_path: Path) -> None:
    url = "postgresql://user:p%40ss@host/name"
    (tmp_path / "retread.toml").write_text(f"[database]\nurl = '{url}'\n")
    assert open_project(tmp_path, {}).database_url == url
