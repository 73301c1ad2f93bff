"""Registering, judging, lineage and audit."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest
from tests.registry.harness import BundleMaker

from retread.bundle import EVIDENCE, EXAMPLES, MANIFEST, MODEL
from retread.core import (
    Conflict,
    Inconclusive,
    IntegrityBroken,
    InvalidInput,
    ManualClock,
    NotFound,
    Outcome,
    Refused,
    SystemClock,
)
from retread.project.settings import GateSection
from retread.registry import (
    Promoter,
    Registry,
    SqlLedger,
    SqlServerDirectory,
    Stage,
    audit,
    lineage_of_version,
)
from retread.registry.events import GateJudged, Slot, VersionRegistered

GATE = GateSection()


@pytest.fixture
def registry(ledger: SqlLedger, maker: BundleMaker) -> Registry:
    return Registry(ledger, maker.store, SystemClock())


@pytest.fixture
def promoter(ledger: SqlLedger, servers: SqlServerDirectory) -> Promoter:
    return Promoter(ledger, servers, SystemClock())


def folder_of(tmp_path: Path, digest: str) -> Path:
    return tmp_path / "bundles" / digest.removeprefix("sha256:")


def test_versions_are_numbered_and_a_run_is_registered_once(
    registry: Registry, maker: BundleMaker, ledger: SqlLedger
) -> None:
    first = registry.register(maker.put("run_1"))
    second = registry.register(maker.put("run_2", wrong=10))
    again = registry.register(first.bundle)
    assert (first.version, second.version) == (1, 2)
    assert again == first
    assert first.stage is Stage.NONE
    assert second.metrics["Accuracy"] == pytest.approx(1 - 10 / 400)
    assert len(ledger.read()) == 2
    with pytest.raises(Conflict, match="Run run_1 is already registered as version 1"):
        registry.register(maker.put("run_1", wrong=11))


def test_registered_by_several_threads_a_bundle_gets_one_number(
    registry: Registry, maker: BundleMaker, ledger: SqlLedger
) -> None:
    bundle = maker.put()
    found: list[int] = []

    def register() -> None:
        found.append(Registry(ledger, maker.store).register(bundle).version)

    threads = [threading.Thread(target=register) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 6
    assert len([e for e in ledger.read() if isinstance(e.event, VersionRegistered)]) == 1


def test_metrics_come_from_the_evidence_not_from_the_manifest(
    registry: Registry, maker: BundleMaker
) -> None:
    """Edited metrics do not help a candidate past the gate."""
    version = registry.register(maker.put(metrics={"Accuracy": 1.0}))
    assert version.metrics["Accuracy"] == pytest.approx(0.9)
    verdict = registry.judge(registry.state(), version.version, None, GATE)
    assert verdict.outcome is Outcome.FAIL
    assert "the manifest states 1.0000, the predictions give 0.9000" in " ".join(verdict.reasons)


def test_a_swapped_file_is_never_registered(
    registry: Registry, maker: BundleMaker, tmp_path: Path
) -> None:
    digest = maker.put()
    (folder_of(tmp_path, digest) / EXAMPLES).write_bytes(b"swapped")
    with pytest.raises(IntegrityBroken, match=EXAMPLES):
        registry.register(digest)
    with pytest.raises(NotFound):
        registry.register("sha256:" + "0" * 64)


def test_a_model_swapped_after_registration_is_not_judged(
    registry: Registry, maker: BundleMaker, tmp_path: Path, ledger: SqlLedger
) -> None:
    version = registry.register(maker.put())
    (folder_of(tmp_path, version.bundle) / MODEL).write_bytes(b"swapped")
    with pytest.raises(IntegrityBroken, match=MODEL):
        registry.judge(registry.state(), version.version, None, GATE)
    assert not any(isinstance(entry.event, GateJudged) for entry in ledger.read())


def test_the_gate_passes_a_good_model_and_refuses_a_bad_one(
    registry: Registry, promoter: Promoter, maker: BundleMaker
) -> None:
    good = registry.register(maker.put("run_1"))
    assert registry.judge(registry.state(), good.version, None, GATE).outcome is Outcome.PASS
    promoter.promote(good.version)
    production = registry.evidence(good.bundle)

    bad = registry.register(maker.put("run_2", wrong=360))
    verdict = registry.judge(registry.state(), bad.version, production, GATE)
    assert verdict.outcome is Outcome.FAIL
    with pytest.raises(Refused, match=r"0\.1000.*0\.9000"):
        promoter.promote(bad.version)
    assert registry.state().production == good.version

    unscored = registry.register(maker.put("run_3", wrong=5))
    assert (
        registry.judge(registry.state(), unscored.version, None, GATE).outcome
        is Outcome.INCONCLUSIVE
    )
    with pytest.raises(Inconclusive, match="not scored"):
        promoter.promote(unscored.version)

    registry.override(bad.version, "to see the canary catch it")
    assert promoter.assign(Slot.CANARY, bad.version, 0.1).version == bad.version
    with pytest.raises(InvalidInput, match="reason"):
        registry.override(bad.version, "  ")


def test_a_verdict_against_an_older_production_does_not_count(
    registry: Registry, promoter: Promoter, maker: BundleMaker
) -> None:
    versions = [registry.register(maker.put(f"run_{n}", wrong=40 - n)) for n in range(3)]
    for version in versions[:2]:
        assert registry.judge(registry.state(), version.version, None, GATE).outcome is Outcome.PASS
    promoter.promote(1)
    with pytest.raises(Refused, match="against no production, but production is version 1 now"):
        promoter.promote(2)


def test_a_verdict_is_not_recorded_against_a_production_that_was_not_compared(
    registry: Registry, promoter: Promoter, maker: BundleMaker, ledger: SqlLedger
) -> None:
    """Production changes between scoring and recording."""
    for number in (1, 2, 3):
        registry.register(maker.put(f"run_{number}", wrong=40 - number))
    promoter.promote(1, force_reason="a test")
    scored = registry.state()
    evidence = registry.evidence(scored.version(1).bundle)
    promoter.promote(2, force_reason="a test")
    with pytest.raises(Conflict, match="compared with version 1, but version 2 is in production"):
        registry.judge(scored, 3, evidence, GATE)
    assert not any(isinstance(entry.event, GateJudged) for entry in ledger.read())


def test_a_damaged_production_is_inconclusive_and_can_be_replaced_by_an_override(
    registry: Registry, promoter: Promoter, maker: BundleMaker, tmp_path: Path
) -> None:
    for number in (1, 2):
        registry.register(maker.put(f"run_{number}", wrong=40 - number))
    promoter.promote(1, force_reason="a test")
    folder = folder_of(tmp_path, registry.state().version(1).bundle)
    (folder / "manifest.json").write_bytes(b"damaged")
    verdict = registry.judge(registry.state(), 2, None, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "its bundle is damaged" in " ".join(verdict.reasons)
    assert promoter.promote(2, force_reason="version 1 is damaged").version == 2


def test_lineage_names_data_commit_cause_verdict_and_service_periods(
    registry: Registry,
    promoter: Promoter,
    maker: BundleMaker,
    ledger: SqlLedger,
    clock: ManualClock,
) -> None:
    for number in (1, 2):
        registry.register(maker.put(f"run_{number}", wrong=40 - number))
    registry.judge(registry.state(), 1, None, GATE)
    promoter.promote(1)
    registry.judge(registry.state(), 2, registry.evidence(registry.state().version(1).bundle), GATE)
    promoter.promote(2, force_reason="despite the numbers")
    state = registry.state()
    manifest = maker.store.manifest(state.version(1).bundle)
    found = lineage_of_version(1, state, manifest, ledger.read())
    assert found.dataset_digest == manifest.lineage.dataset_digest
    assert found.git_commit == "c0ffee" * 6
    assert found.cause.detail == "a test"
    assert found.verdict is not None
    assert found.verdict.outcome is Outcome.PASS
    assert [(p.slot, p.version) for p in found.served] == [(Slot.PRODUCTION, 1)]
    assert found.served[0].until is not None
    second = lineage_of_version(2, state, manifest, ledger.read())
    assert (second.compared_with, second.forced) == (1, "despite the numbers")
    assert second.served[0].until is None


def test_audit_finds_one_changed_byte_in_any_file(
    registry: Registry, maker: BundleMaker, ledger: SqlLedger, tmp_path: Path
) -> None:
    digest = registry.register(maker.put()).bundle
    maker.put("run_2", wrong=3)
    clean = audit(ledger, maker.store)
    assert (clean.entries, clean.bundles, clean.problems) == (1, 2, ())
    randomness = random.Random(0)
    for name in (MODEL, EVIDENCE, EXAMPLES, MANIFEST):
        path = folder_of(tmp_path, digest) / name
        original = path.read_bytes()
        for _ in range(10):
            damaged = bytearray(original)
            damaged[randomness.randrange(len(damaged))] ^= 1 << randomness.randrange(8)
            path.write_bytes(damaged)
            (problem,) = audit(ledger, maker.store).problems
            assert digest.removeprefix("sha256:")[:12] in problem
            assert name.split(".", maxsplit=1)[0] in problem
        path.write_bytes(original)
    assert audit(ledger, maker.store).problems == ()


def test_audit_reports_a_bundle_that_is_missing(
    registry: Registry, maker: BundleMaker, ledger: SqlLedger, tmp_path: Path
) -> None:
    digest = registry.register(maker.put()).bundle
    folder_of(tmp_path, digest).rename(tmp_path / "elsewhere")
    (problem,) = audit(ledger, maker.store).problems
    assert digest in problem
