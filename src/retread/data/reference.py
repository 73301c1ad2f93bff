"""How people name a version: `tires@3`, or `tires` for the latest."""

from __future__ import annotations

from retread.core import InvalidInput, checked_name


def parse_version_reference(text: str) -> tuple[str, int | None]:
    """The dataset and the number, None where there is none.

    >>> parse_version_reference("tires@3")
    ('tires', 3)
    >>> parse_version_reference("tires@latest")
    ('tires', None)
    """
    name, at, number = text.partition("@")
    checked_name("dataset", name)
    if not at or number == "latest":
        return name, None
    if not (number.isascii() and number.isdecimal() and 0 < int(number[:10]) < 10**9):
        raise InvalidInput(
            f"{text!r} does not name a dataset version.", "Write it like tires@3 or tires@latest."
        )
    return name, int(number)
