"""The gate: which candidates pass, which do not, and the numbers it reports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace as changed
from tests.registry.harness import BundleMaker

from retread.bundle import (
    MODEL,
    Evidence,
    FileEntry,
    Lineage,
    Parity,
    evidence_metrics,
)
from retread.core import CheckResult, InvalidInput, Outcome, Verdict, digest_bytes
from retread.project.settings import GateSection
from retread.registry import GateInputs, Measurement, Opponent, checks, judge

FAST = Measurement(latency_ms=np.full(50, 1.5), finite=True)
OTHER_SPLIT = digest_bytes(b"another split")


@pytest.fixture
def evidence(maker: BundleMaker) -> Evidence:
    made: Evidence = maker.evidence(wrong=40)
    return made


def inputs_of(maker: BundleMaker, evidence: Evidence, **changes: Any) -> GateInputs:
    model = FileEntry(digest="sha256:m", size=1_000_000)
    return GateInputs(
        settings=GateSection(**changes.pop("settings", {})),
        manifest=maker.manifest(evidence, "run_1", files={MODEL: model}, **changes),
        evidence=evidence,
        measurement=FAST,
    )


def against(inputs: GateInputs, evidence: Evidence | None, **changes: Any) -> GateInputs:
    manifest = changed(inputs.manifest, **changes)
    return replace(inputs, production=Opponent(version=1, manifest=manifest, evidence=evidence))


def check_of(inputs: GateInputs, name: str) -> CheckResult:
    (found,) = (check for check in judge(inputs).checks if check.check == name)
    return found


def with_manifest(inputs: GateInputs, **changes: Any) -> GateInputs:
    return replace(inputs, manifest=changed(inputs.manifest, **changes))


def lineage_of(inputs: GateInputs, **changes: Any) -> Lineage:
    return changed(inputs.manifest.lineage, **changes)


def test_a_first_model_passes_without_a_comparison(maker: BundleMaker, evidence: Evidence) -> None:
    verdict = judge(inputs_of(maker, evidence))
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    assert {check.check for check in verdict.checks} == {
        "classes", "comparison", "constant", "evidence", "finite", "latency", "lineage", "parity",
        "signature", "size", "threshold",
    }  # fmt: skip
    assert all(check.reason for check in verdict.checks)


@pytest.mark.slow
def test_the_same_inputs_give_the_same_verdict(maker: BundleMaker, evidence: Evidence) -> None:
    inputs = against(
        inputs_of(maker, evidence, settings={"metric": "F1"}), maker.evidence(wrong=50, seed=1)
    )
    assert judge(inputs) == judge(inputs)


def test_flipped_labels_fail_with_the_numbers(maker: BundleMaker, evidence: Evidence) -> None:
    flipped = replace(evidence, outputs=evidence.outputs[:, ::-1].copy())
    inputs = against(inputs_of(maker, flipped), evidence)
    verdict = judge(inputs)
    assert verdict.outcome is Outcome.FAIL
    found = check_of(inputs, "comparison")
    assert found.outcome is Outcome.FAIL
    assert found.numbers["candidate"] == pytest.approx(0.1)
    assert found.numbers["production"] == pytest.approx(0.9)
    assert found.numbers["difference"] == pytest.approx(-0.8)
    assert found.numbers["lower_bound"] < -0.8 < found.numbers["upper_bound"] < -0.7
    for number in ("0.1000", "0.9000", "-0.8000", "90%"):
        assert number in found.reason
    assert check_of(inputs, "threshold").outcome is Outcome.FAIL


def test_a_better_model_passes_and_so_does_an_equal_one(maker: BundleMaker) -> None:
    production = maker.evidence(wrong=60, seed=1)
    better = inputs_of(maker, maker.evidence(wrong=30, seed=2))
    assert judge(against(better, production)).outcome is Outcome.PASS
    same = inputs_of(maker, production)
    assert judge(against(same, production)).outcome is Outcome.PASS


def test_too_few_examples_are_inconclusive(maker: BundleMaker) -> None:
    candidate = maker.evidence(wrong=4, seed=1, count=40)
    production = maker.evidence(wrong=4, seed=2, count=40)
    inputs = against(inputs_of(maker, candidate), production)
    assert check_of(inputs, "comparison").outcome is Outcome.INCONCLUSIVE
    assert judge(inputs).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("metric", ["Loss", "F1", "Precision", "Recall", "AUC"])
def test_every_metric_can_decide(maker: BundleMaker, evidence: Evidence, metric: str) -> None:
    threshold = 0.5
    settings = {"metric": metric, "threshold": threshold}
    flipped = replace(evidence, outputs=evidence.outputs[:, ::-1].copy())
    worse = against(inputs_of(maker, flipped, settings=settings), evidence)
    found = check_of(worse, "comparison")
    assert found.outcome is Outcome.FAIL
    assert found.numbers["difference"] < 0
    better = against(inputs_of(maker, evidence, settings=settings), flipped)
    assert check_of(better, "comparison").outcome is Outcome.PASS


def test_regression_is_compared_as_a_share_of_productions_error(maker: BundleMaker) -> None:
    random = np.random.default_rng(0)
    truth = random.normal(100, 30, size=500)
    noise = random.normal(size=500)

    def predicted(spread: float) -> Evidence:
        outputs = (truth + spread * noise)[:, None].astype(np.float32)
        ids = np.array([f"id{n:03d}" for n in range(500)])
        return Evidence(maker.evidence().evaluation_digest, ids, truth, outputs)

    settings = {"metric": "MAE", "threshold": 50.0, "margin": 0.05}

    def judged(candidate: float) -> CheckResult:
        ours = predicted(candidate)
        inputs = inputs_of(maker, ours, settings=settings, labels=())
        return check_of(against(inputs, predicted(10.0)), "comparison")

    assert judged(8.0).outcome is Outcome.PASS
    assert judged(8.0).numbers["difference"] == pytest.approx(0.2, abs=0.01)
    assert judged(10.3).outcome is Outcome.PASS, "3 % worse is within the margin of 5 %"
    assert judged(12.0).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("production", "reason"),
    [
        (None, "not scored"),
        ({"split": OTHER_SPLIT}, "different evaluation splits"),
        ({"count": 390}, "different examples"),
    ],
    ids=["not scored", "another split", "other examples"],
)
def test_evidence_that_does_not_match_is_inconclusive(
    maker: BundleMaker, evidence: Evidence, production: dict[str, Any] | None, reason: str
) -> None:
    shown = None if production is None else maker.evidence(**production)
    found = check_of(against(inputs_of(maker, evidence), shown), "comparison")
    assert found.outcome is Outcome.INCONCLUSIVE
    assert reason in found.reason


def test_evidence_with_other_true_labels_is_inconclusive(
    maker: BundleMaker, evidence: Evidence
) -> None:
    relabelled = replace(evidence, truth=1 - evidence.truth)
    found = check_of(against(inputs_of(maker, evidence), relabelled), "comparison")
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "true labels" in found.reason


def test_edited_metrics_fail(maker: BundleMaker, evidence: Evidence) -> None:
    """The gate recomputes the metrics from the stored predictions."""
    polished = {**evidence_metrics(evidence), "Accuracy": 0.99}
    inputs = inputs_of(maker, evidence, metrics=polished)
    found = check_of(inputs, "evidence")
    assert found.outcome is Outcome.FAIL
    assert "the manifest states 0.9900, the predictions give 0.9000" in found.reason
    assert check_of(inputs, "threshold").numbers["Accuracy"] == pytest.approx(0.9)


def test_evidence_of_another_split_than_the_lineage_fails(maker: BundleMaker) -> None:
    elsewhere = maker.evidence(split=OTHER_SPLIT)
    assert check_of(inputs_of(maker, elsewhere), "evidence").outcome is Outcome.FAIL


def test_a_metric_the_task_does_not_have_fails(maker: BundleMaker, evidence: Evidence) -> None:
    found = check_of(inputs_of(maker, evidence, settings={"metric": "MAE"}), "threshold")
    assert found.outcome is Outcome.FAIL
    assert "Accuracy" in found.reason


def test_what_was_not_measured_is_inconclusive(maker: BundleMaker) -> None:
    empty = maker.evidence(wrong=0, count=1)
    empty = replace(empty, ids=empty.ids[:0], truth=empty.truth[:0], outputs=empty.outputs[:0])
    inputs = inputs_of(maker, empty)
    assert check_of(inputs, "threshold").outcome is Outcome.INCONCLUSIVE
    unmeasured = replace(inputs, measurement=Measurement(latency_ms=np.zeros(0), finite=True))
    assert check_of(unmeasured, "latency").outcome is Outcome.INCONCLUSIVE
    unsized = with_manifest(inputs, files={})
    assert check_of(unsized, "size").outcome is Outcome.INCONCLUSIVE
    parity = Parity(examples=0, largest_difference=0.0, tolerance=1.0)
    assert check_of(with_manifest(inputs, parity=parity), "parity").outcome is Outcome.INCONCLUSIVE


def test_a_slow_or_large_model_fails(maker: BundleMaker, evidence: Evidence) -> None:
    inputs = inputs_of(maker, evidence, settings={"max_latency_ms": 5.0, "max_size_mb": 0.5})
    slow = np.concatenate([np.full(45, 1.0), np.full(5, 50.0)])
    slowed = replace(inputs, measurement=Measurement(latency_ms=slow, finite=True))
    assert check_of(inputs, "latency").outcome is Outcome.PASS
    assert check_of(slowed, "latency").outcome is Outcome.FAIL
    assert check_of(inputs, "size").outcome is Outcome.FAIL


@pytest.mark.parametrize("difference", [0.1, float("nan"), float("inf")])
def test_an_export_that_differs_fails(
    maker: BundleMaker, evidence: Evidence, difference: float
) -> None:
    parity = Parity(examples=8, largest_difference=difference, tolerance=1e-3)
    inputs = inputs_of(maker, evidence, parity=parity)
    assert check_of(inputs, "parity").outcome is Outcome.FAIL


def test_an_incomplete_lineage_fails(maker: BundleMaker, evidence: Evidence) -> None:
    inputs = inputs_of(maker, evidence)
    gap = with_manifest(inputs, lineage=lineage_of(inputs, dataset_digest=""))
    assert "dataset digest" in check_of(gap, "lineage").reason
    assert check_of(gap, "lineage").outcome is Outcome.FAIL


@pytest.mark.parametrize("facts", [{"git_dirty": True}, {"git_commit": ""}], ids=["dirty", "none"])
def test_a_clean_commit_can_be_required(
    maker: BundleMaker, evidence: Evidence, facts: dict[str, Any]
) -> None:
    def judged(required: bool) -> CheckResult:
        settings = {"require_clean_commit": required}
        inputs = inputs_of(maker, evidence, settings=settings)
        return check_of(with_manifest(inputs, lineage=lineage_of(inputs, **facts)), "lineage")

    assert judged(required=False).outcome is Outcome.PASS
    assert judged(required=True).outcome is Outcome.FAIL


def test_other_labels_or_inputs_than_production_fail(
    maker: BundleMaker, evidence: Evidence
) -> None:
    inputs = inputs_of(maker, evidence)
    signature = inputs.manifest.signature
    wider = changed(signature.inputs[0], shape=(-1, 4))
    renamed = changed(signature.inputs[0], columns=("x0", "x1", "other"))
    production: dict[str, Any]
    for production, named in (
        ({"labels": ("good", "bad")}, "['good', 'bad']"),
        ({"signature": changed(signature, inputs=(wider,))}, "[-1, 4]"),
        ({"signature": changed(signature, inputs=(renamed,))}, "other"),
    ):
        found = check_of(against(inputs, evidence, **production), "signature")
        assert found.outcome is Outcome.FAIL
        assert named in found.reason
    embedding = changed(signature.outputs[0], name="embedding", shape=(-1, 64))
    richer = changed(signature, outputs=(*signature.outputs, embedding))
    same = against(inputs, evidence, signature=richer)
    assert check_of(same, "signature").outcome is Outcome.PASS, "embeddings may differ"


def test_labels_that_do_not_fit_the_evidence_fail(maker: BundleMaker, evidence: Evidence) -> None:
    for labels in (("a", "b", "c"), ()):
        found = check_of(inputs_of(maker, evidence, labels=labels), "signature")
        assert found.outcome is Outcome.FAIL


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_output_that_is_not_finite_fails(
    maker: BundleMaker, evidence: Evidence, value: float
) -> None:
    outputs = evidence.outputs.copy()
    outputs[7, 0] = value
    inputs = inputs_of(maker, replace(evidence, outputs=outputs))
    assert check_of(inputs, "finite").outcome is Outcome.FAIL
    infinite = Measurement(latency_ms=FAST.latency_ms, finite=False)
    sound = replace(inputs_of(maker, evidence), measurement=infinite)
    assert check_of(sound, "finite").outcome is Outcome.FAIL


def test_a_check_is_one_new_file(
    maker: BundleMaker, evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else has to be written or registered."""
    (tmp_path / "friday.py").write_text(
        "from retread.core import CheckResult, Outcome\n"
        "from retread.registry import GateInputs\n"
        "def check(inputs: GateInputs) -> CheckResult:\n"
        "    reason = f'{inputs.manifest.model} is not promoted on Fridays.'\n"
        "    return CheckResult(check='friday', outcome=Outcome.FAIL, reason=reason)\n"
    )
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, f"{checks.__name__}.friday", raising=False)
    verdict = judge(inputs_of(maker, evidence))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reasons == ("test is not promoted on Fridays.",)


FAIRNESS = """
import numpy as np

from retread.core import CheckResult, Outcome
from retread.registry import GateInputs


def fairness(inputs: GateInputs) -> CheckResult:
    \"""Fail if one label is found much less often than another.\"""
    truth, predicted = inputs.evidence.truth, inputs.evidence.outputs.argmax(axis=1)
    recalls = [float((predicted[truth == label] == label).mean()) for label in np.unique(truth)]
    gap = max(recalls) - min(recalls)
    return CheckResult(
        check="fairness",
        outcome=Outcome.PASS if gap <= 0.1 else Outcome.FAIL,
        reason=f"Recall differs by {gap:.2f} between labels; 0.1 is allowed.",
        numbers={"gap": gap},
    )


def returns_nothing(inputs):
    return None


def takes_nothing():
    return None


def fails(inputs):
    raise KeyError("age")


def ends_the_process(inputs):
    raise SystemExit


def result(outcome=Outcome.PASS, check="own", reason="Fine.", numbers={}):
    return lambda inputs: CheckResult(check=check, outcome=outcome, reason=reason, numbers=numbers)


of_numpy = result("pass", numbers={"a": np.float64(0.5), "b": np.int64(2), "c": np.float32("nan")})
numbers_none = result(numbers=None)
number_text = result(numbers={"a": "x"})
number_huge = result(numbers={"a": 10**400})
outcome_unknown = result("passed")
reason_number = result(reason=3)
reason_surrogate = result(reason="\\ud800")
name_number = result(check=3)
name_built_in = result(check="latency")
threshold = 0.5
"""


@pytest.fixture
def own_checks(own_module: Callable[[str, str], str]) -> str:
    """A module with gate checks of the user's own."""
    return own_module("my_checks", FAIRNESS)


def test_a_check_of_your_own_is_named_by_its_import_string(
    maker: BundleMaker, evidence: Evidence, own_checks: str
) -> None:
    settings = {"extra_checks": (f"{own_checks}:fairness",)}
    fair = inputs_of(maker, evidence, settings=settings)
    assert judge(fair).outcome is Outcome.PASS
    assert check_of(fair, "fairness").numbers["gap"] <= 0.1
    one_sided = replace(evidence, outputs=np.tile(np.array([0.9, 0.1], dtype=np.float32), (400, 1)))
    unfair = inputs_of(maker, one_sided, settings={**settings, "threshold": 0.1})
    assert check_of(unfair, "fairness").outcome is Outcome.FAIL
    assert judge(unfair).reasons[1:] == ("Recall differs by 1.00 between labels; 0.1 is allowed.",)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nowhere", r"has no gate check 'nowhere'"),
        ("threshold", r"it is an object of type float, not a function or class"),
        ("takes_nothing", r"it cannot be called with \(inputs\)"),
        ("returns_nothing", r"it returned an object of type NoneType, not a CheckResult"),
        ("fails", r"failed: KeyError: 'age'"),
        ("ends_the_process", r"failed: SystemExit"),
        ("numbers_none", r"the numbers of its CheckResult are an object of type NoneType, not a"),
        ("number_text", r"are an object of type str for 'a', not a number"),
        ("number_huge", r"are a number for 'a' that is too large"),
        ("outcome_unknown", r"cannot be stored: Invalid enum value 'passed'"),
        ("reason_number", r"cannot be stored: Expected `str`, got `int`"),
        ("reason_surrogate", r"cannot be stored: .*surrogates not allowed"),
        ("name_number", r"cannot be stored: Expected `str`, got `int`"),
        ("name_built_in", r"its result is named 'latency', like that of another check"),
    ],
)
def test_a_check_that_does_not_fit_is_refused(
    maker: BundleMaker, evidence: Evidence, own_checks: str, name: str, problem: str
) -> None:
    inputs = inputs_of(maker, evidence, settings={"extra_checks": (f"{own_checks}:{name}",)})
    with pytest.raises(InvalidInput, match=problem) as refused:
        judge(inputs)
    assert "docs/extending.md" in refused.value.hint
    assert "retread.registry.GateCheck" in refused.value.hint


def test_the_numbers_of_a_check_may_be_those_of_numpy(
    maker: BundleMaker, evidence: Evidence, own_checks: str
) -> None:
    inputs = inputs_of(maker, evidence, settings={"extra_checks": (f"{own_checks}:of_numpy",)})
    verdict = judge(inputs)
    assert verdict.outcome is Outcome.PASS
    assert verdict.checks[-1].numbers == {"a": 0.5, "b": 2.0}
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict


def test_the_gate_needs_no_clock_disk_or_network(
    maker: BundleMaker, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = against(
        inputs_of(maker, evidence, settings={"metric": "Loss"}), maker.evidence(wrong=50, seed=1)
    )
    verdict = judge(inputs)

    def touched(*_: object, **__: object) -> None:
        raise AssertionError("a pure decision had a side effect")

    for function in ("builtins.open", "os.listdir", "os.open", "socket.socket", "time.time"):
        monkeypatch.setattr(function, touched)
    again = judge(inputs)
    monkeypatch.undo()
    assert again == verdict
