"""The settings under which the rows of a version were read, and what changed since."""

from __future__ import annotations

from typing import Any

import msgspec

from retread.project.settings import DataSection

_OTHERS = {
    # Where the data is, and what it is called.
    "dataset", "source",
    # How rows are shared out: the version before decides, and `split` is compared with its plan.
    "split", "validation_share", "evaluation_share", "window_days",
    # What is told, quarantined or refused.
    "checks", "max_label_share", "max_relabelled_share", "max_unreadable_share",
}  # fmt: skip
_OF_FILES = ("encoding", "delimiter", "sheet")
KEYS = tuple(key for key in DataSection.model_fields if key not in _OTHERS)
"""The keys of `[data]` that decide what a model sees of a source: all but those named above."""


class ReadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The values of KEYS in `[data]`, without those that have their defaults.

    Attributes:
        values: The values by key.
        labels: What the labels were read from, by the settings or by --labels.
    """

    values: dict[str, Any]
    labels: str = ""


def read_settings(settings: DataSection, labels: str = "") -> ReadSettings:
    """Return what is kept of the settings with a version.

    Args:
        settings: The settings.
        labels: What the labels are read from; empty if the settings say it.
    """
    chosen = settings.model_dump(mode="json", include=set(KEYS), exclude_defaults=True)
    for unordered in ("features", "exclude"):
        if unordered in chosen:
            chosen[unordered] = sorted(chosen[unordered])
    return ReadSettings(values=chosen, labels=labels or settings.labels)


def of_another_file(before: ReadSettings, settings: DataSection) -> ReadSettings:
    """Return the settings of a version to which a file was appended.

    Its columns are read as before. Only how the file itself is written may differ.
    """
    now = read_settings(settings).values
    kept = {key: value for key, value in before.values.items() if key not in _OF_FILES}
    of_file = {key: now[key] for key in _OF_FILES if key in now}
    return ReadSettings(values={**kept, **of_file}, labels=before.labels)


def changed_settings(before: ReadSettings, settings: DataSection) -> list[str]:
    """Return what changed since rows were read, one sentence per key of `[data]`."""
    now = read_settings(settings)
    return [
        f"[data] {key} was {_text(before.values.get(key))} and is {_text(now.values.get(key))}"
        for key in KEYS
        if before.values.get(key) != now.values.get(key)
        # --labels may have said what the settings say now.
        and not (key == "labels" and before.labels == now.labels)
    ]


def _text(value: Any) -> str:
    return "not set" if value is None else msgspec.json.encode(value).decode()
