"""JSON without its ambiguities: no duplicate keys, no NaN, no excessive nesting."""

from __future__ import annotations

import json
from typing import Any

from retread.core import InvalidInput


def parse(body: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        InvalidInput: It is not strict JSON; the message says why.

    >>> parse(b'{"a": [1, null]}')
    {'a': [1, None]}
    """
    try:
        text = body.decode("utf-8-sig")  # programs on Windows write a byte order mark
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
        if "\\ud" in text.lower():
            # An escaped half of a surrogate pair is not text.
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise InvalidInput("The JSON is nested too deeply.", "Send what the protocol specifies.")  # noqa: B904 - the cause is a thousand frames
    except ValueError as error:
        reason = _reason(error)
        raise InvalidInput(f"The body is not valid JSON: {reason}.", "Check its syntax.") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidInput(f"The JSON has the key {key!r} twice.", "Send each key once.")
            seen.add(key)
    return value


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeEncodeError):
        return f"it has half of a surrogate pair, {error.object[error.start : error.end]!r}"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return str(error)
    return "it has an integer of too many digits"


def _refused(constant: str) -> Any:
    raise InvalidInput(
        f"{constant} is not JSON.", "Use numbers; null is a missing value of a table."
    )
