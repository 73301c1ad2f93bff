"""The evidence for and against a canary, as the loop collects it and as it stands now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from retread.bundle import REFERENCE, decode_reference
from retread.core import Verdict
from retread.loop.canary import (
    ComparedVersions,
    PairedEvidence,
    compared_versions,
    gather,
    judge_canary,
    no_evidence,
)
from retread.monitoring import reference_streams
from retread.registry.events import CanaryFinished, CanaryJudged, CanaryStarted
from retread.registry.ledger import Entry
from retread.serving.traffic import Cursor

if TYPE_CHECKING:
    from retread.app.workspace import Workspace

_RECORDS_PER_READ = 1_000


class CanaryProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How the canary stands now: its step, from 1, and the checks on what was seen so far."""

    version: int
    production: int
    step: int
    steps: int
    share: float
    verdict: Verdict


class LoopCanary:
    """The loop's `CanaryPort`: paired evidence from recorded traffic and delayed labels."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        # A bundle never changes, and the canary's evidence is gathered every second.
        self._compared = lru_cache(maxsize=4)(self._read_compared)

    def begin(self, version: int, production: int, start: Cursor) -> PairedEvidence:
        """Return empty evidence, for the traffic that is recorded after `start`."""
        compared = self._compared(version, production)
        return no_evidence(self._workspace.settings.canary, compared, start)

    def gather(self, evidence: PairedEvidence, version: int, production: int) -> PairedEvidence:
        """Add what was recorded and labelled since."""
        work = self._workspace
        compared = self._compared(version, production)
        return gather(evidence, work.traffic, work.labels, compared, work.settings.canary)

    def end_of_traffic(self) -> Cursor:
        """Return the position after everything that is recorded now."""
        cursor = Cursor()
        while True:
            records, cursor = self._workspace.traffic.read(cursor, _RECORDS_PER_READ)
            if not records:
                return cursor

    def _read_compared(self, version: int, production: int) -> ComparedVersions:
        bundles = self._workspace.bundles
        bundle = self._workspace.registry.state().version(version).bundle
        reference = reference_streams(decode_reference(bundles.read(bundle, REFERENCE)))
        return compared_versions(bundles.manifest(bundle), reference, version, production)


class CanaryWatcher:
    """Judges the open canary on everything that was recorded since it started.

    Args:
        workspace: The project's workspace.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._settings = workspace.settings.canary
        self._canary = LoopCanary(workspace)
        self._sequence = 0
        self._evidence: PairedEvidence | None = None

    def progress(self, entries: Sequence[Entry]) -> CanaryProgress | None:
        """Return how the open canary stands; None if there is none.

        Raises:
            RetreadError: Its bundle or the traffic cannot be read.
        """
        opened = _open_canary(entries)
        if opened is None:
            return None
        started = opened.event
        assert isinstance(started, CanaryStarted), "_open_canary returns its entry"
        version, production = started.version, started.production
        if self._evidence is None or self._sequence != opened.sequence:
            position = started.traffic
            start = Cursor(position.segment, position.offset) if position else Cursor()
            self._evidence = self._canary.begin(version, production, start)
            self._sequence = opened.sequence
        self._evidence = self._canary.gather(self._evidence, version, production)
        judged = [
            entry.event.verdict
            for entry in entries[opened.sequence :]
            if isinstance(entry.event, CanaryJudged) and entry.event.version == version
        ]
        steps = self._settings.steps
        step = min(len(judged), len(steps) - 1)
        verdict = judge_canary(
            self._evidence,
            self._settings,
            since=sum(_requests(one) for one in judged),
            last=step == len(steps) - 1,
        )
        return CanaryProgress(
            version=version,
            production=production,
            step=step + 1,
            steps=len(steps),
            share=steps[step],
            verdict=verdict,
        )


def _open_canary(entries: Sequence[Entry]) -> Entry | None:
    """Return the entry that started the canary that has not finished."""
    for entry in reversed(entries):
        if isinstance(entry.event, CanaryFinished):
            return None
        if isinstance(entry.event, CanaryStarted):
            return entry
    return None


def _requests(verdict: Verdict) -> int:
    """Return the number of paired requests in the step that was judged."""
    return sum(int(c.numbers["requests"]) for c in verdict.checks if c.check == "requests")
