"""Formatting of values as TOML, on as few lines as possible.

`tomli-w` always writes lists over several lines, which suits neither a table in the documentation
nor `retread settings show KEY`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(values: Mapping[str, Any], prefix: str = "") -> str:
    """Format nested mappings as TOML tables; values that are None are omitted.

    Args:
        values: Values by key.
        prefix: Key of the table that contains them, such as `training.scenarios`.

    >>> print(as_toml({"gate": {"metric": "F1", "margin": 0.02}}))
    [gate]
    metric = "F1"
    margin = 0.02
    """
    return _tables(values, tuple(prefix.split(".")) if prefix else ())


def as_key(name: str) -> str:
    """Format a key, in quotes where it needs them.

    >>> as_key("price"), as_key('order "date"')
    ('price', '"order \\\\"date\\\\""')
    """
    return name if _BARE.fullmatch(name) else as_value(name)


def _tables(values: Mapping[str, Any], path: tuple[str, ...]) -> str:
    plain = {k: v for k, v in values.items() if not isinstance(v, Mapping) and v is not None}
    tables = {k: v for k, v in values.items() if isinstance(v, Mapping) and v}
    blocks = []
    if plain:
        heading = [f"[{'.'.join(map(as_key, path))}]"] if path else []
        blocks.append(
            "\n".join([*heading, *(f"{as_key(k)} = {as_value(v)}" for k, v in plain.items())])
        )
    blocks += [_tables(v, (*path, k)) for k, v in tables.items()]
    return "\n\n".join(blocks)


def as_value(value: Any) -> str:
    """Format one value on one line, as it appears after `=`.

    >>> as_value((0.1, 0.5)), as_value({"epochs": 3, "seed": None})
    ('[0.1, 0.5]', '{ epochs = 3 }')
    """
    if isinstance(value, Mapping):
        items = ", ".join(f"{as_key(k)} = {as_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {items} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(as_value(item) for item in value)}]"
    # Strings and numbers in JSON are the same in TOML, except for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
