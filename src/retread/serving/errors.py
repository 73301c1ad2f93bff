"""What only a server refuses."""

from __future__ import annotations

from retread.core import InvalidInput


class TooLarge(InvalidInput):
    """More at once than is taken."""

    code = "request_entity_too_large"
