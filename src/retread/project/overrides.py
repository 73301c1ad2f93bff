"""RETREAD__SECTION__KEY in the environment, in place of what retread.toml says."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel

PREFIX = "RETREAD__"

Path = tuple[str, ...]


def overridden(
    values: Mapping[str, Any], environment: Mapping[str, str], model: type[BaseModel]
) -> tuple[dict[str, Any], dict[Path, str]]:
    """`values` with the environment's in place, and the variable that gave each path its value."""
    result = copy.deepcopy(dict(values))
    variables: dict[Path, str] = {}
    for variable in sorted(name for name in environment if name.startswith(PREFIX)):
        path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        is_text = annotation_at(model, path) is str
        _put(result, path, _value(environment[variable], is_text=is_text))
        variables[path] = variable
    return result, variables


def annotation_at(model: type[BaseModel], path: Path) -> Any:
    """The type of the setting at `path`; None if there is no such setting."""
    annotation: Any = model
    for part in path:
        if get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(part)
            annotation = field.annotation if field else None
        else:
            return None
    return annotation


def _put(values: dict[str, Any], path: Path, value: Any) -> None:
    *sections, key = path
    place = values
    for section in sections:
        inner = place.get(section)
        if not isinstance(inner, dict):
            inner = place[section] = {}
        place = inner
    place[key] = value


def _value(text: str, *, is_text: bool) -> Any:
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) or not is_text else text
