"""What a canary has shown so far, folded from recorded traffic and late labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, log

import msgspec
import numpy as np
from msgspec.structs import replace

from retread.bundle import Manifest
from retread.monitoring import BettingTest, Streams, place
from retread.monitoring.performance import loss, number, value_range
from retread.project.settings import CanarySection
from retread.registry.events import Slot
from retread.serving.record import Answer, PredictionRecord
from retread.serving.traffic import Cursor, LabelStore, TrafficLog

LONGEST_WAIT = 10_000

QUICK_MS = 1.0
"""Quicker answers count as this quick: who answers first finds the caches cold, and is twice as
slow as who scores the same row next in the shadow."""

_BATCH = 1_000
_UNLIKE_SHARE = 0.25


class ComparedVersions(msgspec.Struct, frozen=True, kw_only=True):
    """Who is compared with whom, and in what terms.

    `labels` are those of both models, empty for regression, where errors are counted in units
    of `scale` and at most 1.
    """

    canary: int
    production: int
    labels: tuple[str, ...]
    scale: float = 1.0


class Pair(msgspec.Struct, frozen=True):
    """Both models' outputs for one row whose label has not come yet."""

    id: str
    canary: tuple[float, ...]
    production: tuple[float, ...]


class PairedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Bets on what both models said of the same rows.

    `errors`, `slow` and `unlike` bet against the canary failing, being slower than allowed and
    disagreeing as rarely as allowed; `worse` against its loss being at most production's;
    `not_worse` against its loss being larger by the margin or more. `seen` are the latest ids that
    were asked about: a client may use one again, and its label counts once.
    """

    errors: BettingTest
    slow: BettingTest
    unlike: BettingTest
    worse: BettingTest
    not_worse: BettingTest
    requests: int = 0
    log_latency_ratio: float = 0.0
    waiting: tuple[Pair, ...] = ()
    seen: tuple[str, ...] = ()
    labels_seen: int = 0
    cursor: Cursor = Cursor()

    @property
    def labels(self) -> int:
        """Rows whose label has come."""
        return self.not_worse.values


def subject_of(
    manifest: Manifest, reference: Streams, canary: int, production: int
) -> ComparedVersions:
    """The terms of a comparison, from the canary's manifest and reference."""
    scale = 1.0 if manifest.labels else value_range(reference)
    return ComparedVersions(
        canary=canary, production=production, labels=manifest.labels, scale=scale
    )


def no_evidence(
    settings: CanarySection, subject: ComparedVersions, start: Cursor
) -> PairedEvidence:
    """Before the first request; `start` is where the traffic since the canary's start begins."""
    margin = settings.margin
    return PairedEvidence(
        errors=BettingTest(worst=settings.max_error_rate),
        slow=BettingTest(worst=0.5),
        unlike=BettingTest(worst=min(settings.max_disagreement, 0.99)),
        worse=BettingTest(worst=1.0),
        not_worse=BettingTest(worst=max(0.01, 1.0 - margin) if subject.labels else 1.0),
        cursor=start,
    )


def gather(
    evidence: PairedEvidence,
    traffic: TrafficLog,
    labels: LabelStore,
    subject: ComparedVersions,
    settings: CanarySection,
) -> PairedEvidence:
    """The evidence after everything recorded and labelled since it was last gathered."""
    before = evidence.cursor
    while True:
        records, cursor = traffic.read(evidence.cursor, _BATCH)
        if not records:
            break
        evidence = replace(add_records(evidence, records, subject, settings), cursor=cursor)
    count = labels.count()
    if evidence.cursor == before and count == evidence.labels_seen:
        return evidence
    known = labels.get([pair.id for pair in evidence.waiting])
    return replace(add_labels(evidence, known, subject, settings), labels_seen=count)


def add_records(
    evidence: PairedEvidence,
    records: Sequence[PredictionRecord],
    subject: ComparedVersions,
    settings: CanarySection,
) -> PairedEvidence:
    """Fold rows that both models were asked about; others, and rows production failed on, say
    nothing about the canary."""
    pairs = [(record.id, *_pair(record, subject)) for record in records]
    judged = [(i, c, p) for i, c, p in pairs if c is not None and p is not None and not _failed(p)]
    good = [(i, c, p) for i, c, p in judged if not _failed(c)]
    evidence = add_answers(
        evidence,
        failed=[_failed(canary) for _, canary, _ in judged],
        ratios=[max(c.latency_ms, QUICK_MS) / max(p.latency_ms, QUICK_MS) for _, c, p in good],
        unlike=[_differ(canary, production, subject) for _, canary, production in good],
        settings=settings,
    )
    seen = dict.fromkeys(evidence.seen)
    new: list[Pair] = []
    for request_id, c, p in good:
        if request_id not in seen:
            seen[request_id] = None
            new.append(Pair(request_id, c.outputs, p.outputs))
    return replace(
        evidence,
        waiting=(*evidence.waiting, *new)[-LONGEST_WAIT:],
        seen=tuple(seen)[-LONGEST_WAIT:],
    )


def add_answers(
    evidence: PairedEvidence,
    *,
    failed: Sequence[bool],
    ratios: Sequence[float],
    unlike: Sequence[bool],
    settings: CanarySection,
) -> PairedEvidence:
    """Fold whether the canary failed, and of its good answers the latency as a multiple of
    production's and whether they are unlike production's."""
    rate, most = evidence.errors.worst, evidence.unlike.worst
    return replace(
        evidence,
        requests=evidence.requests + len(failed),
        errors=place(evidence.errors, [one - rate for one in failed]),
        slow=place(evidence.slow, [(r > settings.max_latency_ratio) - 0.5 for r in ratios]),
        unlike=place(evidence.unlike, [one - most for one in unlike]),
        log_latency_ratio=evidence.log_latency_ratio + sum(map(log, ratios)),
    )


def add_labels(
    evidence: PairedEvidence,
    labels: Mapping[str, str],
    subject: ComparedVersions,
    settings: CanarySection,
) -> PairedEvidence:
    """Fold the losses of rows whose label has come; a label that does not fit is left out."""
    losses = [
        (_loss(pair.canary, label, subject), _loss(pair.production, label, subject))
        for pair in evidence.waiting
        if (label := labels.get(pair.id)) is not None and _fits(label, subject)
    ]
    return replace(
        add_losses(evidence, losses, subject, settings),
        waiting=tuple(pair for pair in evidence.waiting if pair.id not in labels),
    )


def add_losses(
    evidence: PairedEvidence,
    losses: Sequence[tuple[float, float]],
    subject: ComparedVersions,
    settings: CanarySection,
) -> PairedEvidence:
    """Fold pairs of the canary's and production's loss, each in 0..1.

    The margin is absolute for wrong answers, a share of production's error for regression.
    """
    absolute = settings.margin if subject.labels else 0.0
    share = 0.0 if subject.labels else settings.margin
    spare = [absolute + (1 + share) * production - canary for canary, production in losses]
    worst = evidence.not_worse.worst
    return replace(
        evidence,
        worse=place(evidence.worse, [canary - production for canary, production in losses]),
        not_worse=place(evidence.not_worse, [max(value, -worst) for value in spare]),
    )


def _pair(
    record: PredictionRecord, subject: ComparedVersions
) -> tuple[Answer, Answer] | tuple[None, None]:
    canary = production = None
    for answer in (record.answer, record.paired):
        if answer is not None and answer.slot == Slot.CANARY and answer.version == subject.canary:
            canary = answer
        if answer is not None and answer.version == subject.production:
            production = production or answer
    if canary is None or production is None:
        return None, None
    return canary, production


def _failed(answer: Answer) -> bool:
    """Whether an answer is an error; what is not finite is one."""
    return bool(answer.error) or not answer.outputs or not all(map(isfinite, answer.outputs))


def _differ(canary: Answer, production: Answer, subject: ComparedVersions) -> bool:
    """Whether two answers are unlike: another label, or values a quarter of the scale apart."""
    if subject.labels:
        return bool(np.argmax(canary.outputs) != np.argmax(production.outputs))
    return abs(canary.outputs[0] - production.outputs[0]) > _UNLIKE_SHARE * subject.scale


def _fits(label: str, subject: ComparedVersions) -> bool:
    return label in subject.labels if subject.labels else number(label) is not None


def _loss(outputs: Sequence[float], label: str, subject: ComparedVersions) -> float:
    return loss(outputs, label, subject.labels, subject.scale)
