"""What settings may name that only other packages know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PluginNames:
    """Model types by recipe, and detectors. What is of one's own is named by its dotted path."""

    model_types: Mapping[str, tuple[str, ...]]
    detectors: tuple[str, ...]

    @property
    def recipes(self) -> tuple[str, ...]:
        return tuple(self.model_types)
