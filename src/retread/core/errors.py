"""The one error tree.

RetreadError                 anything a person can act on: message, hint
├── InvalidInput             a value that is not allowed (exit 1, HTTP 400)
│   ├── UnknownOption        not one of a known list
│   └── InvalidSettings      every mistake in retread.toml at once
├── NotFound                 a name, version or id that does not exist (404)
├── Conflict                 somebody else was first (409)
├── Refused                  a rule said no: gate, quarantine, arbiter (exit 1)
├── Inconclusive             not enough evidence either way (exit 3)
├── IntegrityBroken          bytes are not what their digest says
├── Unavailable              a part that is needed does not answer (503)
└── MissingDependency        an optional package is not installed
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class RetreadError(Exception):
    """A failure a person can act on.

    `message` says what is wrong with which value; `hint` says what to do about it.
    """

    code = "failed"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInput(RetreadError):
    """A value that is not allowed."""

    code = "invalid_input"


class UnknownOption(InvalidInput):
    """`value` is not one of `allowed`.

    >>> str(UnknownOption("optimizer type", "addam", ["adam", "sgd"]))
    "Unknown optimizer type 'addam'. Use one of: adam, sgd."
    """

    code = "unknown_option"

    def __init__(self, option: str, value: object, allowed: Iterable[str]) -> None:
        self.option = option
        self.value = value
        self.allowed = tuple(allowed)
        super().__init__(
            f"Unknown {option} {str(value)!r}.", f"Use one of: {', '.join(self.allowed)}."
        )


class InvalidSettings(InvalidInput):
    """Every mistake of a settings file, reported together."""

    code = "invalid_settings"

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        noun = "mistake" if len(self.problems) == 1 else "mistakes"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{source} has {len(self.problems)} {noun}:\n{lines}")


class NotFound(RetreadError):
    """A name, version or id that does not exist."""

    code = "not_found"


class Conflict(RetreadError):
    """Somebody else changed the same thing first."""

    code = "conflict"


class Refused(RetreadError):
    """A rule said no; the message carries its numbers."""

    code = "refused"


class Inconclusive(RetreadError):
    """There is not enough evidence for a yes or a no."""

    code = "inconclusive"


class IntegrityBroken(RetreadError):
    """Bytes are not what their digest says."""

    code = "integrity_broken"


class Unavailable(RetreadError):
    """A part of the system that is needed does not answer."""

    code = "unavailable"


class MissingDependency(RetreadError):
    """An optional package is needed and not installed."""

    code = "missing_dependency"

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"This needs the package {package!r}, which is not installed.",
            f"Install it with: pip install 'retread[{extra}]'",
        )
