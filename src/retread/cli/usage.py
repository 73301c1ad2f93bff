"""A command line that no command takes."""

from __future__ import annotations

from retread.core import InvalidInput


class WrongUsage(InvalidInput):
    """Arguments or options that are missing, unknown, or do not go together (exit 2)."""

    code = "wrong_usage"
