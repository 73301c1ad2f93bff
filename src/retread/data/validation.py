"""Validate a version before it is committed, with every check of `retread.data.checks`."""

from __future__ import annotations

from typing import Protocol, cast

from retread.core import CheckResult, Verdict, combine, load_plugins, recordable
from retread.data import checks
from retread.data.summary import DatasetSummary


class DatasetCheck(Protocol):
    """A check of a dataset version: the interface of the modules in `retread.data.checks`."""

    def check(self, summary: DatasetSummary) -> CheckResult:
        """Return whether the version passes, with the numbers that decided it."""
        ...


def validate(summary: DatasetSummary) -> Verdict:
    """Run all checks on the summary of a version; the verdict decides about quarantine."""
    plugins = load_plugins(checks).values()
    return combine(recordable(cast("DatasetCheck", plugin).check(summary)) for plugin in plugins)
