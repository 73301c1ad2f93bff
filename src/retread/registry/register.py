"""The registry: bundles become numbered versions, and are judged."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import isfinite

from retread.bundle import (
    EVIDENCE,
    BundleStore,
    Evidence,
    Manifest,
    decode_evidence,
    evidence_metrics,
)
from retread.core import (
    Clock,
    Conflict,
    IntegrityBroken,
    InvalidInput,
    NotFound,
    SystemClock,
    Verdict,
)
from retread.project.settings import GateSection
from retread.registry.events import Event, GateJudged, GateOverridden, VersionRegistered
from retread.registry.gate import judge
from retread.registry.gate_inputs import GateInputs, Opponent
from retread.registry.ledger import Entry, Ledger
from retread.registry.measure import measure
from retread.registry.projection import Projection
from retread.registry.state import RegistryState
from retread.registry.versions import ModelVersion

log = logging.getLogger(__name__)


class Registry:
    """Model versions of one project."""

    def __init__(self, ledger: Ledger, bundles: BundleStore, clock: Clock | None = None) -> None:
        self._ledger = ledger
        self._bundles = bundles
        self._clock = clock or SystemClock()
        self._projection = Projection()

    def state(self) -> RegistryState:
        """Versions and slots now."""
        return self._projection.of(self._ledger.read())

    def register(self, bundle: str, run_id: str = "") -> ModelVersion:
        """The version of a stored bundle; a second time, the same one.

        Every file is checked against the manifest, and the metrics are those of the evidence.
        Raises NotFound, IntegrityBroken; Conflict when the run has left another bundle before.
        """
        manifest = self._bundles.manifest(bundle)
        for name in manifest.files:
            self._bundles.read(bundle, name)
        run_id = run_id or manifest.lineage.run_id
        measured = evidence_metrics(self.evidence(bundle))
        # An AUC of one class is no number, and a ledger of JSON has no word for it.
        metrics = {name: value for name, value in measured.items() if isfinite(value)}

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            state = self._projection.of(entries)
            if _registered(state, bundle, run_id):
                return ()
            number = max(state.versions, default=0) + 1
            return (_registration(number, bundle, run_id, manifest, metrics),)

        self._ledger.transact(decide)
        version = _registered(self.state(), bundle, run_id)
        assert version is not None, "what was appended is read back"
        return version

    def evidence(self, bundle: str) -> Evidence:
        """What a bundle's model says about its evaluation split."""
        return decode_evidence(self._bundles.read(bundle, EVIDENCE))

    def judge(
        self,
        state: RegistryState,
        number: int,
        production_evidence: Evidence | None,
        settings: GateSection,
    ) -> Verdict:
        """Put a version before the gate and record the verdict.

        `production_evidence` is what the version in production in `state` says about the
        candidate's evaluation split; None when there is none, or it could not be scored. Conflict
        when another version came into production meanwhile.
        """
        inputs = self.inputs(state, number, production_evidence, settings)
        verdict = judge(inputs)
        judged = GateJudged(
            version=number,
            production=state.production,
            evaluation_digest=inputs.evidence.evaluation_digest,
            verdict=verdict,
        )

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            now = self._projection.of(entries).production
            if now != state.production:
                raise Conflict(
                    f"Version {number} was compared with version {state.production}, but version "
                    f"{now} is in production now.",
                    f"Compare again: retread gate {number}",
                )
            return (judged,)

        self._ledger.transact(decide)
        return verdict

    def inputs(
        self,
        state: RegistryState,
        number: int,
        production_evidence: Evidence | None,
        settings: GateSection,
    ) -> GateInputs:
        """What the gate looks at for a version; measures its latency."""
        candidate = state.version(number)
        opponent = None
        if state.production_version is not None:
            opponent = Opponent(
                version=state.production,
                manifest=self._manifest_if_sound(state.production_version.bundle),
                evidence=production_evidence,
            )
        return GateInputs(
            settings=settings,
            manifest=self._bundles.manifest(candidate.bundle),
            evidence=self.evidence(candidate.bundle),
            measurement=measure(self._bundles, candidate.bundle, self._clock),
            production=opponent,
        )

    def _manifest_if_sound(self, bundle: str) -> Manifest | None:
        try:
            return self._bundles.manifest(bundle)
        except (IntegrityBroken, NotFound) as error:
            # The rest of the verdict is still worth having: a person may go on by force.
            log.warning("Production is judged without its manifest: %s", error)
            return None

    def override(self, number: int, reason: str) -> None:
        """Let a version past the gate, in place of the current production; InvalidInput, NotFound.

        It holds until production changes.
        """
        if not reason.strip():
            raise InvalidInput("Passing the gate by force needs a reason.", "Add: --reason TEXT")

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            self._projection.of(entries).version(number)
            return (GateOverridden(version=number, reason=reason.strip()),)

        self._ledger.transact(decide)


def _registered(state: RegistryState, bundle: str, run_id: str) -> ModelVersion | None:
    for version in state.versions.values():
        if version.bundle == bundle:
            return version
        if version.run_id == run_id:
            raise Conflict(
                f"Run {run_id} is version {version.version} already, with another bundle.",
                "A run leaves one bundle; train again under a new run.",
            )
    return None


def _registration(
    number: int, bundle: str, run_id: str, manifest: Manifest, metrics: dict[str, float]
) -> VersionRegistered:
    return VersionRegistered(
        version=number,
        bundle=bundle,
        run_id=run_id,
        model_type=manifest.model_type,
        dataset=manifest.lineage.dataset,
        dataset_version=manifest.lineage.dataset_version,
        validation=manifest.validation,
        metrics=metrics,
        cause=manifest.lineage.cause,
    )
