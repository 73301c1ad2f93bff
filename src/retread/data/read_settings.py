"""The settings under which the rows of a version were read, and what changed since."""

from __future__ import annotations

from typing import Any

import msgspec

from retread.project.settings import DataSection

KEYS = (
    "features", "exclude", "group", "timestamp", "columns", "follow_links", "image_depth",
    "image_background",
)  # fmt: skip
"""The keys of `[data]` that decide what a model sees of a source, besides `split`."""


class ReadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The values of KEYS in `[data]`, without those that have their defaults."""

    values: dict[str, Any]


def read_settings(settings: DataSection) -> ReadSettings:
    """Return what is kept of the settings with a version."""
    chosen = settings.model_dump(mode="json", include=set(KEYS), exclude_defaults=True)
    for unordered in ("features", "exclude"):
        if unordered in chosen:
            chosen[unordered] = sorted(chosen[unordered])
    return ReadSettings(values=chosen)


def changed_settings(before: ReadSettings, settings: DataSection) -> list[str]:
    """Return what changed since rows were read, one sentence per key of `[data]`."""
    now = read_settings(settings).values
    return [
        f"[data] {key} was {_text(before.values.get(key))} and is {_text(now.get(key))}"
        for key in KEYS
        if before.values.get(key) != now.get(key)
    ]


def _text(value: Any) -> str:
    return "not set" if value is None else msgspec.json.encode(value).decode()
