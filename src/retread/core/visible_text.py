"""Text of users as a person may safely see it: without control over terminal, page or message.

Reasons, notes, labels and commit messages come from anywhere. An escape sequence among them could
rewrite what a terminal shows, and a line break could fake a line.
"""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of Unicode: control, format (such as the direction of writing), line separators."""

_JOINERS = frozenset("\u200c\u200d")
"""Format characters that words of some languages and emoji need."""


def visible(text: str) -> str:
    r"""Return a text on one line, with control characters escaped as in Python.

    >>> print(visible("fine\x1b[2J\nPASS"))
    fine\x1b[2J\nPASS
    """
    if text.isprintable():
        return text
    return "".join([_escaped(c) if _is_hidden(c) else c for c in text])


def visible_lines(text: str) -> str:
    r"""Return a text like `visible`, but keep its line breaks.

    >>> print(visible_lines("one\ntwo\r"))
    one
    two\r
    """
    if text.isprintable():
        return text
    return "\n".join(map(visible, text.split("\n")))


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN and character not in _JOINERS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
