"""Verdicts of rules: pass, fail or inconclusive, with numbers and reasons."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from math import isfinite

import msgspec

from retread.core.notebook import ShownTable, ShowsAsTable


class Outcome(StrEnum):
    """The result of a check."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check, with its reason.

    Attributes:
        check: Name of the check.
        outcome: The result.
        reason: One sentence that explains the result.
        numbers: The numbers the result is based on.
        notice: True if the reason is to be shown to people although the check passed. Unset, it
            is not part of an event, as in the events that were stored before there were notices.
    """

    check: str
    outcome: Outcome
    reason: str
    numbers: dict[str, float] = {}
    notice: bool | msgspec.UnsetType = msgspec.UNSET


class Verdict(ShowsAsTable, msgspec.Struct, frozen=True, kw_only=True):
    """The combined result of several checks."""

    outcome: Outcome
    checks: tuple[CheckResult, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons of the checks that did not pass."""
        return tuple(c.reason for c in self.checks if c.outcome is not Outcome.PASS)

    def as_table(self) -> ShownTable:
        rows = [(check.check, check.outcome.value, check.reason) for check in self.checks]
        return ShownTable(f"Verdict: {self.outcome}", ("check", "outcome", "reason"), rows)


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
    """Combine the results of checks.

    Returns:
        FAIL if any check failed, otherwise INCONCLUSIVE if any check was inconclusive or there were
        no checks, otherwise PASS.
    """
    results = tuple(checks)
    outcomes = {result.outcome for result in results}
    if Outcome.FAIL in outcomes:
        outcome = Outcome.FAIL
    elif Outcome.INCONCLUSIVE in outcomes or not results:
        outcome = Outcome.INCONCLUSIVE
    else:
        outcome = Outcome.PASS
    return Verdict(outcome=outcome, checks=results)
