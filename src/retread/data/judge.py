"""Whether a version may be trained on: every check of `retread.data.checks`."""

from __future__ import annotations

from typing import Protocol, cast

from retread.core import CheckResult, Verdict, combine, load_plugins, recordable
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
    return combine(recordable(cast("Check", module).check(summary)) for module in known)
