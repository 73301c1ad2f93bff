"""The gate: the checks of `retread.registry.checks`, and the extra checks of a project."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import cast

from retread.core import (
    CheckResult,
    InvalidInput,
    Verdict,
    combine,
    import_callable,
    invalid_plugin,
    load_plugins,
    recordable,
)
from retread.registry import checks
from retread.registry.gate_inputs import GateCheck, GateInputs

_KIND = "gate check"
_INTERFACE = "retread.registry.GateCheck"


def judge(inputs: GateInputs) -> Verdict:
    """Judge a candidate by all checks; the same inputs give the same verdict.

    Args:
        inputs: The candidate, the version in production and the settings, whose `extra_checks`
            are judged by as well.

    Raises:
        InvalidInput: An extra check cannot be imported, or does not implement GateCheck.
    """
    extra = [_load_check(name) for name in inputs.settings.extra_checks]
    known = _built_in(tuple(checks.__path__))
    return combine(recordable(check(inputs)) for check in (*known, *extra))


@cache
def _built_in(_paths: tuple[str, ...]) -> tuple[GateCheck, ...]:
    return tuple(cast("GateCheck", module.check) for module in load_plugins(checks).values())


def _load_check(name: str) -> GateCheck:
    """Load the user's own check `package.module:function`."""
    return _checked(name, import_callable(_KIND, name, _INTERFACE, ("inputs",)))


def _checked(name: str, function: Callable[[GateInputs], object]) -> GateCheck:
    def check(inputs: GateInputs) -> CheckResult:
        try:
            result = function(inputs)
        except Exception as error:  # the user's code may raise anything
            raise InvalidInput(
                f"The gate check {name!r} failed: {type(error).__name__}: {error}.",
                "Fix the function; see docs/extending.md.",
            ) from error
        if not isinstance(result, CheckResult):
            problem = f"it returned an object of type {type(result).__name__}, not a CheckResult"
            raise invalid_plugin(_KIND, name, _INTERFACE, problem)
        return result

    return check
