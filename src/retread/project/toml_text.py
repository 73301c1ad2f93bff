"""Values as TOML text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def as_toml(values: Mapping[str, Any], prefix: str = "") -> str:
    """Nested mappings as TOML; what is None is left out.

    >>> print(as_toml({"gate": {"metric": "F1", "margin": 0.02}}))
    [gate]
    metric = "F1"
    margin = 0.02
    """
    plain = {k: v for k, v in values.items() if not isinstance(v, Mapping) and v is not None}
    tables = {k: v for k, v in values.items() if isinstance(v, Mapping) and v}
    blocks = []
    if plain:
        heading = [f"[{prefix}]"] if prefix else []
        blocks.append("\n".join([*heading, *(f"{k} = {as_value(v)}" for k, v in plain.items())]))
    blocks += [as_toml(v, f"{prefix}.{k}" if prefix else k) for k, v in tables.items()]
    return "\n\n".join(blocks)


def as_value(value: Any) -> str:
    """One value as it stands behind `=`.

    >>> as_value((0.1, 0.5)), as_value({"epochs": 3, "seed": None})
    ('[0.1, 0.5]', '{ epochs = 3 }')
    """
    if isinstance(value, Mapping):
        inside = ", ".join(f"{k} = {as_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inside} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(as_value(item) for item in value)}]"
    # Strings and numbers of JSON are strings and numbers of TOML, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
