"""The canary: a candidate on trial beside production, judged as often as one likes.

>>> from datetime import UTC, datetime, timedelta
>>> from retread.loop.canary import CanaryState, ComparedVersions, advance, no_evidence
>>> from retread.project import Settings
>>> from retread.serving.traffic import Cursor
>>> settings = Settings().canary
>>> subject = ComparedVersions(canary=2, production=1, labels=("good", "defective"))
>>> evidence = no_evidence(settings, subject, Cursor())
>>> start = datetime(2026, 1, 1, tzinfo=UTC)
>>> state = CanaryState(started_at=start)
>>> advance(state, evidence, settings, start).action.value
'hold'
>>> advance(state, evidence, settings, start + timedelta(hours=1)).action.value
'expire'
"""

from retread.loop.canary.advance import Action, CanaryDecision, CanaryState, advance
from retread.loop.canary.checks import judge_canary
from retread.loop.canary.evidence import (
    ComparedVersions,
    PairedEvidence,
    add_labels,
    add_records,
    gather,
    no_evidence,
    subject_of,
)
from retread.loop.canary.simulation import RolloutFigures, World, simulate_rollouts, worlds

__all__ = [
    "Action",
    "CanaryDecision",
    "CanaryState",
    "ComparedVersions",
    "PairedEvidence",
    "RolloutFigures",
    "World",
    "add_labels",
    "add_records",
    "advance",
    "gather",
    "judge_canary",
    "no_evidence",
    "simulate_rollouts",
    "subject_of",
    "worlds",
]
