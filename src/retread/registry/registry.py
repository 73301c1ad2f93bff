"""The registry of model versions: register bundles, judge them, override the gate."""

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
from retread.registry.gate_inputs import GateInputs, Opponent, measure
from retread.registry.ledger import Ledger
from retread.registry.state import ModelVersion, RegistryState
from retread.registry.state_ledger import StateLedger

log = logging.getLogger(__name__)


class Registry:
    """The model versions of one project.

    Args:
        ledger: Where versions, verdicts and overrides are recorded.
        bundles: Where the files of the versions are stored.
        clock: Measures the latency of candidates; by default the system's clock.
    """

    def __init__(self, ledger: Ledger, bundles: BundleStore, clock: Clock | None = None) -> None:
        self._ledger = StateLedger(ledger)
        self._bundles = bundles
        self._clock = clock or SystemClock()

    def state(self) -> RegistryState:
        """Return the current versions and slots."""
        return self._ledger.state()

    def register(self, bundle: str, run_id: str = "") -> ModelVersion:
        """Register a stored bundle as a model version, once.

        All files are checked against the manifest, and the metrics are recomputed from the
        evidence.

        Args:
            bundle: The digest of the bundle.
            run_id: The run that produced it; by default the one in its lineage.

        Returns:
            The new version, or the one that has been registered before.

        Raises:
            NotFound: There is no such bundle.
            IntegrityBroken: A file is not the one that the manifest names.
            Conflict: The run has already produced another bundle.
        """
        manifest = self._bundles.manifest(bundle)
        for name in manifest.files:
            self._bundles.read(bundle, name)
        run_id = run_id or manifest.lineage.run_id
        measured = evidence_metrics(self.evidence(bundle))
        # The AUC of a single class is NaN, which the ledger's JSON cannot hold.
        metrics = {name: value for name, value in measured.items() if isfinite(value)}
        step = self._ledger.transact(
            lambda state: _registration(state, bundle, run_id, manifest, metrics)
        )
        version = _registered(step.after, bundle, run_id)
        assert version is not None, "it has just been registered"
        return version

    def evidence(self, bundle: str) -> Evidence:
        """Return the predictions of a bundle's model on its evaluation split.

        Raises:
            NotFound: There is no such bundle.
            IntegrityBroken: The file is not the one that the manifest names.
        """
        return decode_evidence(self._bundles.read(bundle, EVIDENCE))

    def judge(
        self,
        state: RegistryState,
        number: int,
        production_evidence: Evidence | None,
        settings: GateSection,
        accepted_labels: Sequence[str] = (),
    ) -> Verdict:
        """Judge a version by the gate, and record the verdict.

        Args:
            state: The state that names the production version to compare with.
            number: The version to judge.
            production_evidence: The predictions of the production version on the candidate's
                evaluation split; None if there is no production, or it could not be scored.
            settings: The rules of the gate.
            accepted_labels: Labels that may come or go.

        Raises:
            NotFound: There is no such version.
            IntegrityBroken: A file of the version is not the one that was registered.
            Conflict: Another version was promoted in the meantime.
        """
        inputs = self.inputs(state, number, production_evidence, settings, accepted_labels)
        verdict = judge(inputs)
        judged = GateJudged(
            version=number,
            production=state.production,
            evaluation_digest=inputs.evidence.evaluation_digest,
            verdict=verdict,
        )
        self._ledger.transact(lambda now: _if_still_compared(judged, now))
        return verdict

    def inputs(
        self,
        state: RegistryState,
        number: int,
        production_evidence: Evidence | None,
        settings: GateSection,
        accepted_labels: Sequence[str] = (),
    ) -> GateInputs:
        """Collect the inputs of the gate for a version; measures its latency.

        The arguments and errors are those of `judge`.
        """
        candidate = state.version(number)
        opponent = None
        if state.production_version is not None:
            opponent = Opponent(
                version=state.production_version.version,
                manifest=self._manifest_if_sound(state.production_version.bundle),
                evidence=production_evidence,
            )
        return GateInputs(
            settings=settings,
            manifest=self._bundles.manifest(candidate.bundle),
            evidence=self.evidence(candidate.bundle),
            measurement=measure(self._bundles, candidate.bundle, self._clock),
            production=opponent,
            accepted_labels=tuple(accepted_labels),
        )

    def _manifest_if_sound(self, bundle: str) -> Manifest | None:
        try:
            return self._bundles.manifest(bundle)
        except (IntegrityBroken, NotFound) as error:
            # The other checks still count, and a person may override the gate.
            log.warning("The gate judges without production's manifest: %s", error)
            return None

    def override(self, number: int, reason: str) -> None:
        """Allow a version to serve regardless of the gate, until production changes.

        Raises:
            NotFound: There is no such version.
            InvalidInput: The reason is empty.
        """
        if not reason.strip():
            raise InvalidInput("Overriding the gate requires a reason.", "Add: --reason TEXT")
        self._ledger.transact(lambda state: _override(state, number, reason.strip()))


def _registered(state: RegistryState, bundle: str, run_id: str) -> ModelVersion | None:
    for version in state.versions.values():
        if version.bundle == bundle:
            return version
        if version.run_id == run_id:
            raise Conflict(
                f"Run {run_id} is already registered as version {version.version}, "
                "with another bundle.",
                "A run produces one bundle; train again to get a new run.",
            )
    return None


def _registration(
    state: RegistryState, bundle: str, run_id: str, manifest: Manifest, metrics: dict[str, float]
) -> Sequence[Event]:
    if _registered(state, bundle, run_id):
        return ()
    registered = VersionRegistered(
        version=max(state.versions, default=0) + 1,
        bundle=bundle,
        run_id=run_id,
        model_type=manifest.model_type,
        dataset=manifest.lineage.dataset,
        dataset_version=manifest.lineage.dataset_version,
        validation=manifest.validation,
        metrics=metrics,
        cause=manifest.lineage.cause,
    )
    return (registered,)


def _override(state: RegistryState, number: int, reason: str) -> Sequence[Event]:
    return (GateOverridden(version=state.version(number).version, reason=reason),)


def _if_still_compared(judged: GateJudged, state: RegistryState) -> Sequence[Event]:
    if state.production != judged.production:
        raise Conflict(
            f"Version {judged.version} was compared with version {judged.production}, but version "
            f"{state.production} is in production now.",
            f"Compare again with: retread gate {judged.version}",
        )
    return (judged,)
