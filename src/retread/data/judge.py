"""Whether a version may be trained on: every check of `retread.data.checks`."""

from __future__ import annotations

from math import isfinite
from typing import Protocol, cast

import msgspec

from retread.core import CheckResult, Verdict, combine, load_plugins
from retread.data import checks
from retread.data.summary import DatasetSummary


class Check(Protocol):
    """What a module of `retread.data.checks` offers."""

    def check(self, summary: DatasetSummary) -> CheckResult:
        """Pass or fail, with the numbers it was decided on."""
        ...


def judge(summary: DatasetSummary) -> Verdict:
    """What all checks say of a version."""
    known = load_plugins(checks).values()
    return combine(_recordable(cast("Check", module).check(summary)) for module in known)


def _recordable(result: CheckResult) -> CheckResult:
    """Without numbers that are not finite: JSON, in which a version is kept, has none."""
    numbers = {name: number for name, number in result.numbers.items() if isfinite(number)}
    return msgspec.structs.replace(result, numbers=numbers)
