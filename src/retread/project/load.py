"""Loading settings from retread.toml and the environment, with all mistakes reported at once."""

from __future__ import annotations

import copy
import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from retread.core import InvalidSettings
from retread.project.settings import Settings
from retread.project.validation import Key, PluginNames, contradictions

_PREFIX = "RETREAD__"

Location = tuple[int | str, ...]


def load_settings(
    path: Path, environment: Mapping[str, str], names: PluginNames | None = None
) -> Settings:
    """Load settings from a file and from RETREAD__SECTION__KEY variables, which take precedence.

    Args:
        path: The settings file.
        environment: Environment variables.
        names: Recipes, model types and detectors that settings may name; None accepts any.

    Raises:
        InvalidSettings: With one line per mistake.
    """
    values, variables = _with_environment(_read(path), environment)
    return parse_settings(values, source=path.name, variables=variables, names=names)


def parse_settings(
    values: Mapping[str, Any],
    *,
    source: str,
    variables: Mapping[Key, str] = {},
    names: PluginNames | None = None,
) -> Settings:
    """Build settings from nested values.

    Args:
        values: Values by section and key.
        source: Where the values come from, for errors.
        variables: The environment variable that a value comes from, by the value's path.
        names: Recipes, model types and detectors that settings may name; None accepts any.

    Raises:
        InvalidSettings: With one line per mistake.
    """
    values = _with_metric_of_recipe(values)
    try:
        settings, errors = _validated(values), []
    except ValidationError as error:
        errors = _root_causes(error.errors())
        if errors[0]["type"] == "json_invalid":
            reason = errors[0]["msg"].partition(": ")[2].partition(" at line")[0]
            raise InvalidSettings(source, [f"it cannot be read: {reason}"]) from error
        settings = _without(values, [e["loc"] for e in errors])
    except ValueError as error:  # Python's limit on the length of numbers
        raise InvalidSettings(source, [f"it cannot be read: {error}"]) from error
    wrong = [tuple(map(str, e["loc"])) for e in errors]
    described = zip(errors, wrong, strict=True)
    found = [(_variable((path,), variables), _describe(error)) for error, path in described]
    found += [
        (_variable(contradiction.keys, variables), contradiction.text)
        for contradiction in contradictions(settings, names)
        if not any(_overlap(key, path) for key in contradiction.keys for path in wrong)
    ]
    if found:
        in_file = [text for variable, text in found if variable is None]
        in_environment = [
            f"{variable} in the environment ({text.replace(':', '):', 1)}"
            for variable, text in found
            if variable is not None
        ]
        raise InvalidSettings(source, in_file, in_environment)
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except RecursionError as error:
        raise InvalidSettings(path.name, ["it is nested too deeply"]) from error
    except UnicodeDecodeError as error:
        raise InvalidSettings(path.name, [f"it is not UTF-8 text: {error}"]) from error
    except ValueError as error:  # TOMLDecodeError, and Python's limit on the length of numbers
        raise InvalidSettings(path.name, [f"it is not valid TOML: {error}"]) from error


def _with_environment(
    values: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[dict[str, Any], dict[Key, str]]:
    """Override `values` by the environment; also return the variable of each overridden path."""
    result = copy.deepcopy(dict(values))
    variables: dict[Key, str] = {}
    for variable in sorted(name for name in environment if name.startswith(_PREFIX)):
        path = tuple(variable.removeprefix(_PREFIX).lower().split("__"))
        is_text = _annotation_at(path) is str
        _put(result, path, _parse_value(environment[variable], is_text=is_text))
        variables[path] = variable
    return result, variables


def _annotation_at(path: Key) -> Any:
    """Return the type of the setting at `path`; None if there is no such setting."""
    annotation: Any = Settings
    for part in path:
        if get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(part)
            annotation = field.annotation if field else None
        else:
            return None
    return annotation


def _put(values: dict[str, Any], path: Key, value: Any) -> None:
    *sections, key = path
    table = values
    for section in sections:
        inner = table.get(section)
        if not isinstance(inner, dict):
            inner = table[section] = {}
        table = inner
    table[key] = value


def _parse_value(text: str, *, is_text: bool) -> Any:
    """Parse a TOML value; what is not one is text, and so is any value of a text setting."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) or not is_text else text


def _with_metric_of_recipe(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let the gate of a regression decide by R2 where no metric is set."""
    recipe, gate = values.get("recipe"), values.get("gate", {})
    is_regression = isinstance(recipe, Mapping) and recipe.get("kind") == "tabular-regression"
    if not is_regression or not isinstance(gate, Mapping) or "metric" in gate:
        return values
    return {**values, "gate": {**gate, "metric": "R2"}}


def _overlap(left: Key, right: Key) -> bool:
    """Return whether one path is the other or leads to it."""
    return all(a == b for a, b in zip(left, right, strict=False))


def _validated(values: Mapping[str, Any]) -> Settings:
    # Through JSON, because there strict mode accepts a list for a tuple, but no "5001" for 5001.
    return Settings.model_validate_json(json.dumps(values, default=str), strict=True)


def _root_causes(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Drop errors of a whole that only follow from an error in one of its parts."""
    locations = [error["loc"] for error in errors]

    def has_wrong_part(whole: Location) -> bool:
        return any(len(p) > len(whole) and p[: len(whole)] == whole for p in locations)

    return [error for error in errors if not has_wrong_part(error["loc"])]


def _without(values: Mapping[str, Any], wrong: Sequence[Location]) -> Settings:
    """Replace wrong values by defaults, so that the others can be checked too."""
    cleaned = copy.deepcopy(dict(values))
    for location in wrong:
        table: Any = cleaned
        for part in location[:-1]:
            if not isinstance(table, dict) or not isinstance(table.get(str(part)), dict):
                break
            table = table[part]
        else:
            part = location[-1]
        if isinstance(table, dict):
            table.pop(part, None)
    try:
        return _validated(cleaned)
    except ValidationError:  # a required value was wrong: drop its whole section
        sections = {str(location[0]) for location in wrong}
        return _validated({k: v for k, v in values.items() if k not in sections})


def _variable(keys: Sequence[Key], variables: Mapping[Key, str]) -> str | None:
    """Return the environment variable that one of the settings comes from."""
    found = (name for path, name in variables.items() for key in keys if _overlap(path, key))
    return next(found, None)


def _describe(error: ErrorDetails) -> str:
    location = error["loc"]
    where = ".".join(str(part) for part in location)
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no such setting.{_suggestion(location)}"
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{where}: {message.removeprefix('input ')}, but it is {error['input']!r}"


def _suggestion(location: Location) -> str:
    parent = tuple(str(part) for part in location[:-1])
    model = _annotation_at(parent)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ""
    names = list(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(names)}."
