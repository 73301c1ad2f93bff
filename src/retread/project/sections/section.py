"""What every section of retread.toml has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen; unknown keys and values of another type are mistakes, not conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
