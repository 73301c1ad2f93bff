from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.core import InvalidSettings, NotFound
from retread.project import (
    PluginNames,
    Settings,
    load_settings,
    parse_settings,
)
from retread.project.describe import setting, settings_markdown, settings_schema
from retread.project.settings import StoppingRule
from retread.project.templates import template_files, template_names
from retread.project.toml_text import as_toml

ROOT = Path(__file__).parents[2]
KNOWN = PluginNames(
    model_types={"image-classification": ("cnn", "resnet18"), "tabular-regression": ("forest",)},
    detectors=("conformal",),
    regressions=frozenset({"tabular-regression"}),
    checks=("leak", "splits"),
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


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("section", "key", "kind", "form"),
    [
        ("data", "extra_sources", "data source", "package.module:Class"),
        ("gate", "extra_checks", "gate check", "package.module:function"),
        ("notify", "extra_notifiers", "notifier", "package.module:Class"),
    ],
)
def test_an_extra_plugin_is_named_by_an_import_string(
    tmp_path: Path, section: str, key: str, kind: str, form: str
) -> None:
    text = f'[{section}]\n{key} = ["mine:known", "unknown"]\n'
    (problem,) = problems_of(text, {}, tmp_path)
    assert problem.startswith(f"{section}.{key}: there is no {kind} 'unknown'.")
    assert problem.endswith(f"{form}.")


def test_unknown_names_are_reported_with_the_other_mistakes(tmp_path: Path) -> None:
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


def test_the_recipe_determines_the_model_types(tmp_path: Path) -> None:
    found = problems_of(f"[recipe]\nkind = 'image'\n{FIVE_NAMES}", {}, tmp_path, KNOWN)
    known = "image-classification, tabular-regression, package.module:Class."
    assert found[0] == f"recipe.kind: there is no recipe 'image'. Known: {known}"
    wrong = problems_of(f"[recipe]\nkind = 3\n{FIVE_NAMES}", {}, tmp_path, KNOWN)
    assert wrong[0].startswith("recipe.kind: should be a valid string")
    # What is a model type of no recipe is a mistake whatever the recipe is.
    for problems in (found, wrong):
        assert [problem.split(". Known")[0] for problem in problems[1:-2]] == [
            "training.model_type: there is no model type 'ccn'",
            "training.scenarios.a.b.runs.1.model_type: there is no model type 'resnet'",
        ]


@pytest.mark.parametrize("kind", ["tabular-regression", "my.code:Recipe"])
def test_the_default_model_type_need_not_fit_the_recipe(tmp_path: Path, kind: str) -> None:
    (tmp_path / "retread.toml").write_text(f"[recipe]\nkind = '{kind}'\n")
    assert load_settings(tmp_path / "retread.toml", {}, KNOWN).training.model_type == "cnn"


METRICS_OF_OTHER_TASKS = [
    ("tabular-regression", "Accuracy", "Loss, MAE, RMSE, R2"),
    ("tabular-regression", "f1_score", "Loss, MAE, RMSE, R2"),
    ("image-classification", "MAE", "Loss, Accuracy, Precision, Recall, F1, AUC"),
]


@pytest.mark.parametrize(("kind", "metric", "allowed"), METRICS_OF_OTHER_TASKS)
def test_u4_a_metric_of_another_task_is_a_mistake(
    kind: str, metric: str, allowed: str, tmp_path: Path
) -> None:
    text = f"[recipe]\nkind = '{kind}'\n[gate]\nmetric = '{metric}'\n[canary]\nsteps = [2]\n"
    steps, found = problems_of(text, {}, tmp_path, KNOWN)
    assert steps.startswith("canary.steps")
    assert found.startswith(f"gate.metric: {kind} has no ")
    assert found.endswith(f"it should be one of {allowed}")


def test_u4_a_regression_has_a_metric_that_fits_if_none_is_set(tmp_path: Path) -> None:
    (tmp_path / "retread.toml").write_text("[recipe]\nkind = 'tabular-regression'\n")
    assert load_settings(tmp_path / "retread.toml", {}, KNOWN).gate.metric == "R2"
    (tmp_path / "retread.toml").write_text("[recipe]\nkind = 'image-classification'\n")
    assert load_settings(tmp_path / "retread.toml", {}, KNOWN).gate.metric == "Accuracy"


def test_u16_each_mistake_is_told_at_its_own_place(tmp_path: Path) -> None:
    (tmp_path / "retread.toml").write_text(
        "[recipe]\nkind = 'tabular-regression'\n[training]\nepochs = 'ten'\n"
        "[data]\nsplit = 'time'\n[data.checks]\nleek = 'tell'\n"
    )
    environment = {
        "RETREAD__GATE__METRIC": "Accuracy",
        "RETREAD__SERVING__PORT": "high",
        "RETREAD__TRAINING__MODEL_TYPE": "forrest",
    }
    with pytest.raises(InvalidSettings) as caught:
        load_settings(tmp_path / "retread.toml", environment, KNOWN)
    lines = str(caught.value).splitlines()
    starts = [line.split(":")[0] for line in lines]
    assert starts == [
        "retread.toml has 3 mistakes",
        "  - training.epochs",
        "  - data.split",
        "  - data.checks.leek",
        "The environment has 3 mistakes",
        "  - RETREAD__SERVING__PORT in the environment (serving.port)",
        "  - RETREAD__GATE__METRIC in the environment (gate.metric)",
        "  - RETREAD__TRAINING__MODEL_TYPE in the environment (training.model_type)",
    ]


def test_a_mistake_does_not_hide_another_with_a_similar_key(tmp_path: Path) -> None:
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
        ("[project]\ntimezone = 'Berlin'", "project.timezone: should be a time zone such as"),
        ("[project]\ntimezone = '/etc/passwd'", "project.timezone: should be a time zone such as"),
        ("[data.columns]\nt = {zone = 'MESZ'}", "data.columns.t.zone: should be a time zone such"),
        (
            "[data.columns]\nt = {type = 'time', unit = 'kg'}",
            "data.columns.t.unit: should be one of s, ms, us, ns for times, but it is 'kg'",
        ),
        (
            "[data]\ntimestamp = 't'\n[data.columns]\nt = {unit = 'h'}",
            "data.columns.t.unit: should be one of s, ms, us, ns for times, but it is 'h'",
        ),
        (
            "[data.columns]\nt = {type = 'category', unit = 'kg'}",
            "data.columns.t.unit: should be left out, but it is 'kg'",
        ),
        ("[data.columns]\nt = {unit = '5'}", "data.columns.t.unit: string should match"),
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


def test_a_broken_scenario_is_not_also_reported_as_missing(tmp_path: Path) -> None:
    text = "[training]\nscenario = 'wide'\n[training.scenarios.wide]\nruns = [{model_typ = 'cnn'}]"
    (found,) = problems_of(text, {}, tmp_path)
    assert found.startswith("training.scenarios.wide.runs.0.model_typ: there is no such setting")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
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


def test_an_invalid_override_is_reported_by_its_variable(tmp_path: Path) -> None:
    environment = {"RETREAD__SERVING__PORT": "high", "RETREAD__GATE__METRIK": "F1"}
    problems = problems_of("gate = 3", environment, tmp_path)
    assert problems[0].startswith("RETREAD__GATE__METRIK in the environment (gate.metrik): there")
    assert problems[1].startswith("RETREAD__SERVING__PORT in the environment (serving.port): ")
    assert problems[1].endswith("but it is 'high'")


def test_an_environment_that_is_not_text_is_a_mistake(tmp_path: Path) -> None:
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
def test_any_values_are_settings_or_mistakes(values: dict[str, object]) -> None:
    try:
        settings = parse_settings(values, source="x")
    except InvalidSettings:
        return
    assert parse_settings(settings.model_dump(mode="json"), source="x") == settings


def test_the_settings_page_is_current() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert page.strip() == settings_markdown().strip(), "retread settings docs > docs/settings.md"


def test_every_setting_has_a_description() -> None:
    schema = settings_schema()
    assert "early_stopping_min_loss" in json.dumps(schema)
    assert schema["properties"]["gate"]["description"] == "What a candidate must achieve."
    for name, section in schema["$defs"].items():
        for key, values in section.get("properties", {}).items():
            assert values.get("description"), f"{name}.{key}"
    for row in settings_markdown().splitlines():
        if row.startswith("| `"):
            assert not row.endswith("|  |"), row


def test_settings_can_be_written_as_toml_and_read_again() -> None:
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


def test_a_setting_is_found_by_its_key() -> None:
    assert setting(Settings(), "gate.metric") == "Accuracy"
    with pytest.raises(NotFound, match=r"no setting 'gate.metrik'"):
        setting(Settings(), "gate.metrik")


@pytest.mark.parametrize("name", template_names())
def test_templates_are_valid(name: str) -> None:
    values = tomllib.loads(template_files(name)["retread.toml"].decode())
    assert parse_settings(values, source=name).data.dataset


@pytest.mark.parametrize("rule", ["first-good", "seed"])
def test_the_original_name_of_a_stopping_rule_is_accepted(rule: str, tmp_path: Path) -> None:
    (tmp_path / "retread.toml").write_text(f"[early_stopping]\nrule = '{rule}'\n")
    settings = load_settings(tmp_path / "retread.toml", {})
    assert settings.early_stopping.rule is StoppingRule.FIRST_GOOD
    assert settings.model_dump(mode="json")["early_stopping"]["rule"] == "first-good"
    assert (
        load_settings(tmp_path / "retread.toml", {"RETREAD__EARLY_STOPPING__RULE": "patience"})
        == Settings()
    )
