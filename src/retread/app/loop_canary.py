"""The loop's canary evidence, from recorded traffic and late labels."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from retread.bundle import REFERENCE, decode_reference
from retread.loop.canary import ComparedVersions, PairedEvidence, gather, no_evidence, subject_of
from retread.monitoring import reference_streams
from retread.serving.traffic import Cursor

if TYPE_CHECKING:
    from retread.app.workspace import Workspace

_BATCH = 1_000


class LoopCanary:
    """The port `Canary` of the loop, over a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        # A bundle never changes, and a canary is looked at every second.
        self._subject = lru_cache(maxsize=4)(self._read_subject)

    def begin(self, version: int, production: int) -> PairedEvidence:
        subject = self._subject(version, production)
        return no_evidence(self._workspace.settings.canary, subject, self._end_of_traffic())

    def gather(self, evidence: PairedEvidence, version: int, production: int) -> PairedEvidence:
        work = self._workspace
        subject = self._subject(version, production)
        return gather(evidence, work.traffic, work.labels, subject, work.settings.canary)

    def _read_subject(self, version: int, production: int) -> ComparedVersions:
        bundles = self._workspace.bundles
        bundle = self._workspace.registry.state().version(version).bundle
        reference = reference_streams(decode_reference(bundles.read(bundle, REFERENCE)))
        return subject_of(bundles.manifest(bundle), reference, version, production)

    def _end_of_traffic(self) -> Cursor:
        cursor = Cursor()
        while True:
            records, cursor = self._workspace.traffic.read(cursor, _BATCH)
            if not records:
                return cursor
