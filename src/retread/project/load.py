"""Reading retread.toml and the environment, reporting every mistake at once."""

from __future__ import annotations

import copy
import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from retread.core import InvalidSettings
from retread.project.contradictions import Key, contradictions
from retread.project.known_names import PluginNames
from retread.project.overrides import annotation_at, overridden
from retread.project.settings import Settings

Location = tuple[int | str, ...]


def load_settings(
    path: Path, environment: Mapping[str, str], known: PluginNames | None = None
) -> Settings:
    """Settings from the file at `path`, overridden by RETREAD__SECTION__KEY variables.

    Raises InvalidSettings with one line for each mistake.
    """
    values, variables = overridden(_read(path), environment, Settings)
    return parse_settings(values, source=path.name, variables=variables, known=known)


def parse_settings(
    values: Mapping[str, Any],
    *,
    source: str,
    variables: Mapping[Key, str] = {},
    known: PluginNames | None = None,
) -> Settings:
    """Settings from nested values; `source` names them in errors.

    `variables` names the environment variable that gave a path its value. Recipes, model types and
    detectors are judged where they are `known`.
    """
    try:
        settings, errors = _validated(values), []
    except ValidationError as error:
        errors = _first_causes(error.errors())
        if errors[0]["type"] == "json_invalid":
            reason = errors[0]["msg"].partition(": ")[2].partition(" at line")[0]
            raise InvalidSettings(source, [f"it cannot be read: {reason}"]) from error
        settings = _without(values, [e["loc"] for e in errors])
    except ValueError as error:  # what Python says of very long numbers
        raise InvalidSettings(source, [f"it cannot be read: {error}"]) from error
    wrong = [tuple(map(str, e["loc"])) for e in errors]
    problems = [_describe(e, variables) for e in errors]
    problems += [
        found.text
        for found in contradictions(settings, known)
        if not any(_overlap(key, place) for key in found.keys for place in wrong)
    ]
    if problems:
        raise InvalidSettings(source, problems)
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except RecursionError as error:
        raise InvalidSettings(path.name, ["it is nested too deeply"]) from error
    except UnicodeDecodeError as error:
        raise InvalidSettings(path.name, [f"it is not UTF-8 text: {error}"]) from error
    except ValueError as error:  # TOMLDecodeError, and what Python says of very long numbers
        raise InvalidSettings(path.name, [f"it is not valid TOML: {error}"]) from error


def _overlap(left: Key, right: Key) -> bool:
    """Whether one is the other, or a part of it."""
    return all(a == b for a, b in zip(left, right, strict=False))


def _validated(values: Mapping[str, Any]) -> Settings:
    # By way of JSON: there, strict allows a list for a tuple, but no "5001" for a number.
    return Settings.model_validate_json(json.dumps(values, default=str), strict=True)


def _first_causes(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without those of a whole that only follow from one of its parts."""
    places = [error["loc"] for error in errors]

    def has_wrong_part(whole: Location) -> bool:
        return any(len(p) > len(whole) and p[: len(whole)] == whole for p in places)

    return [error for error in errors if not has_wrong_part(error["loc"])]


def _without(values: Mapping[str, Any], wrong: Sequence[Location]) -> Settings:
    """Settings with defaults in place of what is wrong, so that the rest can be judged too."""
    cleaned = copy.deepcopy(dict(values))
    for location in wrong:
        place: Any = cleaned
        for part in location[:-1]:
            if not isinstance(place, dict) or not isinstance(place.get(str(part)), dict):
                break
            place = place[part]
        else:
            part = location[-1]
        if isinstance(place, dict):
            place.pop(part, None)
    try:
        return _validated(cleaned)
    except ValidationError:  # what was wrong was required: go on without its section
        whole = {str(location[0]) for location in wrong}
        return _validated({k: v for k, v in values.items() if k not in whole})


def _describe(error: ErrorDetails, variables: Mapping[tuple[str, ...], str]) -> str:
    location = error["loc"]
    path = ".".join(str(part) for part in location)
    variable = variables.get(tuple(str(part) for part in location))
    where = f"{variable} in the environment ({path})" if variable else path
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no such setting.{_suggestion(location)}"
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{where}: {message.removeprefix('input ')}, but it is {error['input']!r}"


def _suggestion(location: Location) -> str:
    parent = tuple(str(part) for part in location[:-1])
    model = annotation_at(Settings, parent) if parent else Settings
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ""
    names = list(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(names)}."
