"""What a rule says: pass, fail or inconclusive, with its numbers and reasons."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from math import isfinite

import msgspec


class Outcome(StrEnum):
    """The three answers a check can give."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One check's answer; `numbers` are what it was decided on."""

    check: str
    outcome: Outcome
    reason: str
    numbers: dict[str, float] = {}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of several checks together."""

    outcome: Outcome
    checks: tuple[CheckResult, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not a pass; empty when it is."""
        return tuple(c.reason for c in self.checks if c.outcome is not Outcome.PASS)


def recordable(result: CheckResult) -> CheckResult:
    """Return `result` without numbers that are not finite: stored as JSON, they would be lost.

    >>> result = CheckResult(
    ...     check="a", outcome=Outcome.FAIL, reason="b", numbers={"x": 1.0, "y": float("nan")}
    ... )
    >>> recordable(result).numbers
    {'x': 1.0}
    """
    numbers = {name: value for name, value in result.numbers.items() if isfinite(value)}
    return msgspec.structs.replace(result, numbers=numbers)


def combine(checks: Iterable[CheckResult]) -> Verdict:
    """Fail if any failed, else inconclusive if any was (or there were none), else pass."""
    results = tuple(checks)
    outcomes = {result.outcome for result in results}
    if Outcome.FAIL in outcomes:
        outcome = Outcome.FAIL
    elif Outcome.INCONCLUSIVE in outcomes or not results:
        outcome = Outcome.INCONCLUSIVE
    else:
        outcome = Outcome.PASS
    return Verdict(outcome=outcome, checks=results)
