"""Validate a version before it is committed, with every check of `retread.data.checks`.

What a finding leads to is the check's own `ACTION`, unless `[data] checks` says otherwise.
"""

from __future__ import annotations

from typing import Protocol, cast

import msgspec

from retread.core import (
    CheckResult,
    Outcome,
    Refused,
    UnknownOption,
    Verdict,
    combine,
    load_plugins,
    recordable,
)
from retread.data import checks
from retread.data.summary import DatasetSummary
from retread.project.settings import CheckAction


class DatasetCheck(Protocol):
    """A check of a dataset version: the interface of the modules in `retread.data.checks`.

    A module may also have an ACTION; without one, a finding puts the version into quarantine.
    """

    def check(self, summary: DatasetSummary) -> CheckResult:
        """Return whether the version passes, with the numbers that decided it."""
        ...


def validate(summary: DatasetSummary) -> Verdict:
    """Run all checks on the summary of a version; the verdict decides about quarantine.

    Raises:
        Refused: A check found something and its action is to refuse. Nothing is committed.
        UnknownOption: `[data] checks` names a check that does not exist.
    """
    plugins = load_plugins(checks)
    wanted = summary.context.settings.checks
    for name in wanted:
        if name not in plugins:
            raise UnknownOption("check in [data] checks", name, plugins)
    return combine(
        _acted_on(
            recordable(cast("DatasetCheck", plugin).check(summary)),
            wanted.get(name, getattr(plugin, "ACTION", CheckAction.QUARANTINE)),
        )
        for name, plugin in plugins.items()
    )


def _acted_on(result: CheckResult, action: CheckAction) -> CheckResult:
    if result.outcome is Outcome.PASS or action is CheckAction.QUARANTINE:
        return result
    if action is CheckAction.REFUSE:
        raise Refused(
            result.reason,
            "Mend the source, or add the version nevertheless with "
            f'[data.checks] {result.check} = "tell".',
        )
    return msgspec.structs.replace(result, outcome=Outcome.PASS, notice=True)
