"""The evidence for and against a canary, folded from recorded traffic and delayed labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, log

import msgspec
import numpy as np
from msgspec.structs import replace

from retread.bundle import Manifest
from retread.core.label_check import can_be_true
from retread.monitoring import BettingTest, Streams
from retread.monitoring.losses import loss, value_range
from retread.project.settings import CanarySection
from retread.registry.events import Slot
from retread.serving.traffic import Answer, Cursor, LabelStore, PredictionRecord, TrafficLog

MOST_UNLABELLED = 10_000
"""Number of pairs that wait for their label at most, and of request ids that are remembered."""

SHORTEST_MS = 1.0
"""Latencies below this count as this: the model that runs first finds the caches cold, and takes
twice as long as the one that scores the same row next."""

_BATCH = 1_000
_DISAGREEMENT_SHARE = 0.25


class ComparedVersions(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions are compared, and by which measure.

    Attributes:
        canary: Version of the candidate.
        production: Version that it is compared with.
        labels: Labels of both models; empty for regression.
        scale: Size of an error of regression that counts as 1, the largest loss.
    """

    canary: int
    production: int
    labels: tuple[str, ...]
    scale: float = 1.0


class Pair(msgspec.Struct, frozen=True):
    """The outputs of both models for one row whose label has not arrived."""

    id: str
    canary: tuple[float, ...]
    production: tuple[float, ...]


class PairedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Tests by betting on what both models predicted for the same rows.

    Attributes:
        errors: Against: the canary fails at most as often as allowed.
        slow: Against: the canary is rarely slower than allowed.
        disagreements: Against: the models disagree at most as often as allowed.
        worse: Against: the canary's loss is at most production's.
        not_worse: Against: the canary's loss is larger than production's by the margin or more.
        requests: Number of paired requests.
        log_latency_ratio: Sum of the logarithms of canary latency over production latency.
        unlabelled: Pairs that wait for their label.
        seen: The latest request ids. A client may reuse an id, and its label counts once.
        labels_seen: Number of labels in the store when it was read last.
        cursor: Where the traffic that was not read begins.
    """

    errors: BettingTest
    slow: BettingTest
    disagreements: BettingTest = msgspec.field(name="unlike")
    worse: BettingTest
    not_worse: BettingTest
    requests: int = 0
    log_latency_ratio: float = 0.0
    unlabelled: tuple[Pair, ...] = msgspec.field(default=(), name="waiting")
    seen: tuple[str, ...] = ()
    labels_seen: int = 0
    cursor: Cursor = Cursor()

    @property
    def labels(self) -> int:
        """Number of pairs whose label has arrived."""
        return self.not_worse.values


def compared_versions(
    manifest: Manifest, reference: Streams, canary: int, production: int
) -> ComparedVersions:
    """Return how two versions are compared.

    Args:
        manifest: Manifest of the canary.
        reference: Reference of the canary, from which the scale of a regression is taken.
        canary: Version of the candidate.
        production: Version that it is compared with.
    """
    scale = 1.0 if manifest.labels else value_range(reference)
    return ComparedVersions(
        canary=canary, production=production, labels=manifest.labels, scale=scale
    )


def no_evidence(
    settings: CanarySection, compared: ComparedVersions, start: Cursor
) -> PairedEvidence:
    """Return the evidence before the first request.

    Args:
        settings: The settings [canary].
        compared: Which versions are compared.
        start: Where the traffic begins that counts.
    """
    margin = settings.margin
    return PairedEvidence(
        errors=BettingTest(lower_bound=settings.max_error_rate),
        slow=BettingTest(lower_bound=0.5),
        disagreements=BettingTest(lower_bound=min(settings.max_disagreement, 0.99)),
        worse=BettingTest(lower_bound=1.0),
        not_worse=BettingTest(lower_bound=max(0.01, 1.0 - margin) if compared.labels else 1.0),
        cursor=start,
    )


def gather(
    evidence: PairedEvidence,
    traffic: TrafficLog,
    labels: LabelStore,
    compared: ComparedVersions,
    settings: CanarySection,
) -> PairedEvidence:
    """Add everything that was recorded and labelled since the evidence was gathered last.

    Args:
        evidence: The evidence so far.
        traffic: The recorded requests.
        labels: The labels, by request id.
        compared: Which versions are compared.
        settings: The settings [canary].

    Returns:
        The new evidence; `evidence` itself if nothing was added.
    """
    before = evidence.cursor
    while True:
        records, cursor = traffic.read(evidence.cursor, _BATCH)
        if not records:
            break
        labels.note_answers(records)
        evidence = replace(add_records(evidence, records, compared, settings), cursor=cursor)
    count = labels.count()
    if evidence.cursor == before and count == evidence.labels_seen:
        return evidence
    known = labels.get([pair.id for pair in evidence.unlabelled])
    return replace(add_labels(evidence, known, compared, settings), labels_seen=count)


def add_records(
    evidence: PairedEvidence,
    records: Sequence[PredictionRecord],
    compared: ComparedVersions,
    settings: CanarySection,
) -> PairedEvidence:
    """Add the records that both models scored.

    Other records, and those for which production failed, say nothing about the canary.
    """
    pairs = [(record.id, *_pair(record, compared)) for record in records]
    judged = [(i, c, p) for i, c, p in pairs if c is not None and p is not None and not _failed(p)]
    good = [(i, c, p) for i, c, p in judged if not _failed(c)]
    evidence = add_answers(
        evidence,
        failed=[_failed(canary) for _, canary, _ in judged],
        ratios=[
            max(c.latency_ms, SHORTEST_MS) / max(p.latency_ms, SHORTEST_MS) for _, c, p in good
        ],
        disagree=[_disagree(canary, production, compared) for _, canary, production in good],
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
        unlabelled=(*evidence.unlabelled, *new)[-MOST_UNLABELLED:],
        seen=tuple(seen)[-MOST_UNLABELLED:],
    )


def add_answers(
    evidence: PairedEvidence,
    *,
    failed: Sequence[bool],
    ratios: Sequence[float],
    disagree: Sequence[bool],
    settings: CanarySection,
) -> PairedEvidence:
    """Add what can be said of paired requests without labels.

    Args:
        evidence: The evidence so far.
        failed: Per paired request, whether the canary failed.
        ratios: Per request on which it did not, its latency over production's.
        disagree: Per request on which it did not, whether its prediction differs from production's.
        settings: The settings [canary].
    """
    error_rate = evidence.errors.lower_bound
    disagreement = evidence.disagreements.lower_bound
    return replace(
        evidence,
        requests=evidence.requests + len(failed),
        errors=evidence.errors.update([one - error_rate for one in failed]),
        slow=evidence.slow.update([(r > settings.max_latency_ratio) - 0.5 for r in ratios]),
        disagreements=evidence.disagreements.update([one - disagreement for one in disagree]),
        log_latency_ratio=evidence.log_latency_ratio + sum(map(log, ratios)),
    )


def add_labels(
    evidence: PairedEvidence,
    labels: Mapping[str, str],
    compared: ComparedVersions,
    settings: CanarySection,
) -> PairedEvidence:
    """Add the losses of the pairs whose label has arrived; one that cannot be true is ignored."""
    losses = [
        (_loss(pair.canary, label, compared), _loss(pair.production, label, compared))
        for pair in evidence.unlabelled
        if (label := labels.get(pair.id)) is not None and can_be_true(label, compared.labels)
    ]
    return replace(
        add_losses(evidence, losses, compared, settings),
        unlabelled=tuple(pair for pair in evidence.unlabelled if pair.id not in labels),
    )


def add_losses(
    evidence: PairedEvidence,
    losses: Sequence[tuple[float, float]],
    compared: ComparedVersions,
    settings: CanarySection,
) -> PairedEvidence:
    """Add pairs of the canary's and production's loss, each in 0..1.

    The margin is absolute for classification, and a share of production's error for regression.
    """
    absolute = settings.margin if compared.labels else 0.0
    share = 0.0 if compared.labels else settings.margin
    spare = [absolute + (1 + share) * production - canary for canary, production in losses]
    bound = evidence.not_worse.lower_bound
    return replace(
        evidence,
        worse=evidence.worse.update([canary - production for canary, production in losses]),
        not_worse=evidence.not_worse.update([max(value, -bound) for value in spare]),
    )


def _pair(
    record: PredictionRecord, compared: ComparedVersions
) -> tuple[Answer, Answer] | tuple[None, None]:
    canary = production = None
    for answer in (record.answer, record.paired):
        if answer is not None and answer.slot == Slot.CANARY and answer.version == compared.canary:
            canary = answer
        if answer is not None and answer.version == compared.production:
            production = production or answer
    if canary is None or production is None:
        return None, None
    return canary, production


def _failed(answer: Answer) -> bool:
    """Whether there are no outputs, or one is not finite."""
    return bool(answer.error) or not answer.outputs or not all(map(isfinite, answer.outputs))


def _disagree(canary: Answer, production: Answer, compared: ComparedVersions) -> bool:
    """Whether the labels differ, or the values differ by more than a quarter of the scale."""
    if compared.labels:
        return bool(np.argmax(canary.outputs) != np.argmax(production.outputs))
    difference = abs(canary.outputs[0] - production.outputs[0])
    return difference > _DISAGREEMENT_SHARE * compared.scale


def _loss(outputs: Sequence[float], label: str, compared: ComparedVersions) -> float:
    return loss(outputs, label, compared.labels, compared.scale)
