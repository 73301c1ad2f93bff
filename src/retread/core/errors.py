"""The tree of errors that a user can act on.

RetreadError                 base class: a message and a hint (exit status 1, HTTP 500)
├── InvalidInput             a value that is not allowed (HTTP 400)
│   ├── UnknownOption        a value that is not in a known list
│   └── InvalidSettings      all mistakes in retread.toml at once
├── NotFound                 a name, version or id that does not exist (HTTP 404)
├── Conflict                 someone else changed the same thing first (HTTP 409)
├── Refused                  a rule refused: gate, quarantine, arbiter (HTTP 409)
├── Inconclusive             not enough evidence for a decision (exit status 3, HTTP 409)
├── IntegrityBroken          bytes do not match their digest
├── Unavailable              a required part of the system does not respond (HTTP 503)
├── StorageFailed            the operating system refused to read or write a file
└── MissingDependency        an optional package is not installed
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class RetreadError(Exception):
    """A failure that a user can act on.

    Attributes:
        message: One sentence that says what is wrong, with the value.
        hint: One sentence that says what to do about it; empty if there is nothing to say.
        code: Stable name of the kind of error, for programs.
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
    """A value that is not one of the allowed ones.

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
    """All mistakes in a settings file, and in the environment, reported together."""

    code = "invalid_settings"

    def __init__(
        self, source: str, problems: Sequence[str], environment: Sequence[str] = ()
    ) -> None:
        self.source = source
        self.problems = (*problems, *environment)
        places = ((source, problems), ("The environment", environment))
        super().__init__("\n".join(self._listed(*place) for place in places if place[1]))

    @staticmethod
    def _listed(place: str, problems: Sequence[str]) -> str:
        noun = "mistake" if len(problems) == 1 else "mistakes"
        lines = "\n".join(f"  - {problem}" for problem in problems)
        return f"{place} has {len(problems)} {noun}:\n{lines}"


class NotFound(RetreadError):
    """A name, version or id that does not exist."""

    code = "not_found"


class Conflict(RetreadError):
    """Someone else changed the same thing first."""

    code = "conflict"


class Refused(RetreadError):
    """A rule refused; the message gives the numbers it was decided on."""

    code = "refused"


class Inconclusive(RetreadError):
    """There is not enough evidence for a decision."""

    code = "inconclusive"


class IntegrityBroken(RetreadError):
    """Bytes do not match their digest."""

    code = "integrity_broken"


class Unavailable(RetreadError):
    """A required part of the system does not respond."""

    code = "unavailable"


class StorageFailed(RetreadError):
    """The operating system refused to read or write a file or folder."""

    code = "storage_failed"

    @classmethod
    def from_os_error(cls, error: OSError, hint: str = "") -> StorageFailed:
        """Describe an OSError: what the system said, and of which file.

        >>> str(StorageFailed.from_os_error(OSError(28, "No space left on device", "/x/y")))
        'No space left on device: /x/y. Check disk space and permissions.'
        """
        reason = error.strerror or str(error) or type(error).__name__
        name = f": {error.filename}" if error.filename else ""
        return cls(f"{reason}{name}.", hint or "Check disk space and permissions.")


class MissingDependency(RetreadError):
    """An optional package is required and not installed."""

    code = "missing_dependency"

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"This needs the package {package!r}, which is not installed.",
            f"Install it with: pip install 'retread[{extra}]'",
        )
