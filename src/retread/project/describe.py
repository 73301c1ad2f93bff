"""The settings, described: as a JSON Schema, as Markdown, one by one."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from retread.core import NotFound
from retread.project.settings import Settings
from retread.project.toml_text import as_value

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"
_SIGNS: dict[type, str] = {Ge: ">=", Gt: ">", Le: "<=", Lt: "<"}
_HEADER = """# Settings

Everything that `retread.toml` can say. Every key has a default: a project's file holds only what
differs. `RETREAD__SECTION__KEY` in the environment overrides a key, for example
`RETREAD__SERVING__PORT=5101`. Unknown keys and wrong values are reported all at once.
`retread settings schema` prints a JSON Schema for editors, `retread settings show` what holds now.

Written by `retread settings docs`; do not edit.
"""


def setting(settings: Settings, key: str) -> Any:
    """The value at `key`, such as `gate.metric`, or a section's values; NotFound."""
    value: Any = settings.model_dump(mode="json")
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            known = ", ".join(value) if isinstance(value, Mapping) else "nothing below it"
            raise NotFound(f"There is no setting {key!r}.", f"There: {known}.")
        value = value[part]
    return value


def settings_schema() -> dict[str, Any]:
    """The JSON Schema of retread.toml."""
    return {"$schema": SCHEMA_ID, **Settings.model_json_schema(), "title": "retread.toml"}


def settings_markdown() -> str:
    """Every section and key as a Markdown document."""
    sections = (_section(path, model) for path, model in _sections(Settings, ""))
    return "\n".join([_HEADER, *sections])


def _sections(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        if (inner := _model_in(field.annotation)) is not None:
            path += ".NAME" if get_origin(field.annotation) is dict else ""
            yield path, inner
            yield from _sections(inner, f"{path}.")


def _section(path: str, model: type[BaseModel]) -> str:
    keys = [
        _row(name, field)
        for name, field in model.model_fields.items()
        if _model_in(field.annotation) is None or get_origin(field.annotation) is tuple
    ]
    heading = [f"## `[{path}]`", "", (model.__doc__ or "").strip(), ""]
    table = ["| key | type | default | meaning |", "|---|---|---|---|", *keys, ""] if keys else []
    return "\n".join([*heading, *table])


def _row(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    shown = "-" if default is PydanticUndefined or default is None else f"`{as_value(default)}`"
    meaning = " ".join((field.description or "").split())
    return f"| `{name}` | {_type(field)} | {shown} | {meaning} |".replace("``", "`")


def _type(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(bound, name)}"
        for bound in field.metadata
        for kind, sign in _SIGNS.items()
        if isinstance(bound, kind)
        for name in (kind.__name__.lower(),)
    ]
    return " ".join([_words(field.annotation), ", ".join(bounds)]).strip()


def _words(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return " or ".join(f"`{as_value(value)}`" for value in get_args(annotation))
    if origin in (Union, types.UnionType):
        return " or ".join(_words(a) for a in get_args(annotation) if a is not types.NoneType)
    if origin is tuple:
        inner = get_args(annotation)[0]
        return "list of tables" if _model_in(inner) else f"list of {_words(inner)}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{as_value(member.value)}`" for member in annotation)
    return {bool: "true or false", int: "whole number", float: "number", str: "text"}[annotation]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds: itself, or as values of a mapping or a list."""
    candidates = [annotation, *get_args(annotation)]
    found = (c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return next(found, None)
