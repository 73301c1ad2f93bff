"""Check that every group is in one split, so that no model is evaluated on a group it learned."""

from __future__ import annotations

from msgspec import UNSET

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary


def check(summary: DatasetSummary) -> CheckResult:
    """Count the groups that are in more than one split.

    Where the user says which row is in which split, and groups are only what looks alike, that is
    told and left to the user.
    """
    context = summary.context
    is_users_choice = context.plan.is_given and not context.settings.group
    what = "groups of near-duplicates" if is_users_choice else "groups"
    return CheckResult(
        check="groups",
        outcome=Outcome.FAIL if summary.split_groups and not is_users_choice else Outcome.PASS,
        reason=f"{summary.split_groups} {what} are in more than one split."
        if summary.split_groups
        else "Every group is in one split.",
        numbers={"split_groups": float(summary.split_groups)},
        notice=(summary.split_groups > 0 and is_users_choice) or UNSET,
    )
