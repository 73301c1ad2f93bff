"""The gate: every check of `retread.registry.checks`, in the order of their names."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import isfinite
from typing import cast

from msgspec.structs import replace

from retread.core import CheckResult, Verdict, combine, load_plugins
from retread.registry import checks
from retread.registry.gate_inputs import GateInputs

Check = Callable[[GateInputs], CheckResult]


def judge(inputs: GateInputs) -> Verdict:
    """What all checks say together; pure: the same inputs give the same verdict."""
    return combine(_recordable(check(inputs)) for check in _checks(tuple(checks.__path__)))


@cache
def _checks(_places: tuple[str, ...]) -> tuple[Check, ...]:
    return tuple(cast("Check", module.check) for module in load_plugins(checks).values())


def _recordable(result: CheckResult) -> CheckResult:
    # Verdicts are kept as JSON, which knows no NaN.
    numbers = {name: value for name, value in result.numbers.items() if isfinite(value)}
    return replace(result, numbers=numbers)
