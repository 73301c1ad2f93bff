"""What all sections of the settings have in common."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key if name else ""
    except (KeyError, ValueError, OSError) as error:
        raise PydanticCustomError(
            "zone", "should be a time zone such as Europe/Berlin or UTC"
        ) from error


Zone = Annotated[str, AfterValidator(_known_zone)]
"""The name of a time zone; may be empty."""


class Section(BaseModel):
    """Base class of all sections: frozen, without unknown keys or non-finite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
