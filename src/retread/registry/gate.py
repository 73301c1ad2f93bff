"""The gate: the checks of `retread.registry.checks`, and the extra checks of a project."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import cast

import msgspec

from retread.core import (
    CheckResult,
    Verdict,
    code_of_user,
    combine,
    floats,
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
        InvalidInput: An extra check cannot be imported, or does not implement GateCheck,
            or has the name of another check.
    """
    extra = {name: _load_check(name) for name in inputs.settings.extra_checks}
    results = [check(inputs) for check in _built_in(tuple(checks.__path__))]
    for name, check in extra.items():
        result = check(inputs)
        if result.check in (other.check for other in results):
            problem = f"its result is named {result.check!r}, like that of another check"
            raise invalid_plugin(_KIND, name, _INTERFACE, problem)
        results.append(result)
    return combine(recordable(result) for result in results)


@cache
def _built_in(_paths: tuple[str, ...]) -> tuple[GateCheck, ...]:
    return tuple(cast("GateCheck", module.check) for module in load_plugins(checks).values())


def _load_check(name: str) -> GateCheck:
    """Load the user's own check `package.module:function`."""
    return _checked(name, import_callable(_KIND, name, _INTERFACE, ("inputs",)))


def _checked(name: str, function: Callable[[GateInputs], object]) -> GateCheck:
    def check(inputs: GateInputs) -> CheckResult:
        with code_of_user(_KIND, name, _INTERFACE):
            result = function(inputs)
        if not isinstance(result, CheckResult):
            problem = f"it returned an object of type {type(result).__name__}, not a CheckResult"
            raise invalid_plugin(_KIND, name, _INTERFACE, problem)
        return _storable(name, result)

    return check


def _storable(name: str, result: CheckResult) -> CheckResult:
    """Return a result of the user's code with values of the declared types."""
    try:
        numbers = floats(result.numbers)
    except ValueError as error:
        problem = f"the numbers of its CheckResult are {error}"
        raise invalid_plugin(_KIND, name, _INTERFACE, problem) from error
    fields = {**msgspec.structs.asdict(result), "numbers": numbers}
    values = {name: value for name, value in fields.items() if value is not msgspec.UNSET}
    try:
        converted = msgspec.convert(values, CheckResult)
        msgspec.json.encode(converted)
    except (msgspec.ValidationError, TypeError, UnicodeEncodeError) as error:
        problem = f"its CheckResult cannot be stored: {error}"
        raise invalid_plugin(_KIND, name, _INTERFACE, problem) from error
    return converted
