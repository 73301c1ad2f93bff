"""Reading retread.toml and the environment, reporting every mistake at once."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from retread.core import METRICS, InvalidSettings, UnknownOption, metric_named
from retread.project.settings import Settings

PREFIX = "RETREAD__"


def load_settings(path: Path, environment: Mapping[str, str]) -> Settings:
    """Settings from the file at `path`, overridden by RETREAD__SECTION__KEY variables.

    Raises InvalidSettings with one line for each mistake.
    """
    values = _read(path)
    _override(values, environment)
    return parse_settings(values, source=path.name)


def parse_settings(values: Mapping[str, Any], *, source: str) -> Settings:
    """Settings from nested values; `source` names them in errors."""
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise InvalidSettings(source, [_describe(e) for e in error.errors()]) from error
    problems = _contradictions(settings)
    if problems:
        raise InvalidSettings(source, problems)
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(path.name, [f"it is not valid TOML: {error}"]) from error
    except UnicodeDecodeError as error:
        raise InvalidSettings(path.name, [f"it is not UTF-8 text: {error}"]) from error


def _override(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        *sections, key = variable.removeprefix(PREFIX).lower().split("__")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = _toml_value(text)


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _describe(error: ErrorDetails) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{path}: there is no such setting.{_suggestion(error['loc'])}"
    return f"{path}: {error['msg'][0].lower()}{error['msg'][1:]}, but it is {error['input']!r}"


def _suggestion(location: tuple[int | str, ...]) -> str:
    model: type[BaseModel] | None = Settings
    for part in location[:-1]:
        field = model.model_fields.get(str(part)) if model else None
        model = cast("type[BaseModel] | None", field.annotation) if field else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return ""
    names = list(model.model_fields) if model else []
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(names)}."


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    try:
        metric_named(settings.gate.metric)
    except UnknownOption:
        allowed = ", ".join(metric.name for metric in METRICS)
        problems.append(
            f"gate.metric: should be one of {allowed}, but it is {settings.gate.metric!r}"
        )
    scenario = settings.training.scenario
    if scenario and scenario not in settings.training.scenarios:
        known = ", ".join(settings.training.scenarios) or "none"
        problems.append(f"training.scenario: there is no scenario {scenario!r}. Known: {known}.")
    steps = settings.canary.steps
    if not steps or list(steps) != sorted(set(steps)) or not 0 < steps[0] <= steps[-1] <= 1:
        problems.append(
            f"canary.steps: should grow, each over 0 and at most 1, but it is {list(steps)}"
        )
    if settings.data.validation_share + settings.data.evaluation_share >= 0.9:
        problems.append("data: validation_share and evaluation_share leave nothing to train on")
    if settings.serving.host not in {"127.0.0.1", "localhost", "::1"}:
        problems.append(
            f"serving.host: should be 127.0.0.1, localhost or ::1, but it is "
            f"{settings.serving.host!r}: there is no access control yet"
        )
    return problems
