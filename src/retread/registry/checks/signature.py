"""Check that the candidate takes the inputs of production and predicts in the same terms."""

from __future__ import annotations

import shlex

import msgspec

from retread.bundle import Manifest, Signature, TensorSpec, without_precision
from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.registry.gate_inputs import GateInputs

# Differs between architectures, and clients do not read it.
_IGNORED_OUTPUT = "embedding"


def check(inputs: GateInputs) -> CheckResult:
    """Fail if labels, inputs or outputs differ from production's, or do not fit the evidence.

    Labels that come or go pass if a person accepted each of them by name.
    """
    problem = _misfit(inputs)
    if problem or inputs.production is None:
        return _result(problem, "the evidence; there is no production version yet")
    manifest = inputs.production.manifest
    if manifest is None:
        reason = f"The signature of {inputs.production_name} is unknown: its bundle is damaged."
        return CheckResult(check="signature", outcome=Outcome.INCONCLUSIVE, reason=reason)
    changed = changed_labels(inputs.manifest, manifest)
    accepted = bool(changed) and set(changed) <= set(inputs.accepted_labels)
    difference = _difference(inputs.manifest, manifest, accepted=accepted)
    if difference is None and accepted:
        reason = f"Inputs match {inputs.production_name}; accepted labels: {listed(changed)}."
        return CheckResult(check="signature", outcome=Outcome.PASS, reason=reason)
    return _result(difference, inputs.production_name)


def changed_labels(candidate: Manifest, production: Manifest) -> tuple[str, ...]:
    """Return the labels that only one of two models has, sorted."""
    return tuple(sorted({*candidate.labels} ^ {*production.labels}))


def _result(problem: str | None, reference: str) -> CheckResult:
    return CheckResult(
        check="signature",
        outcome=Outcome.FAIL if problem else Outcome.PASS,
        reason=problem or f"Inputs and labels match {reference}.",
    )


def _misfit(inputs: GateInputs) -> str | None:
    """Say why the evidence does not fit the labels; None if it does."""
    labels = len(inputs.manifest.labels)
    evidence = inputs.evidence
    if evidence.is_classification != bool(labels):
        return "The evidence is from another kind of task than the labels."
    width = evidence.outputs.shape[1]
    if labels and width != labels:
        return f"The model has {labels} labels, but its evidence has {width} probabilities."
    if labels and len(evidence.truth) and not 0 <= evidence.truth.max() < labels:
        return (
            f"Label index {evidence.truth.max()} in the evidence is out of range: "
            f"the model has {labels} labels."
        )
    return None


def _difference(candidate: Manifest, production: Manifest, *, accepted: bool) -> str | None:
    if candidate.labels != production.labels and not accepted:
        return (
            f"Its labels are {list(candidate.labels)}, production's {list(production.labels)}."
            + _how_to_accept(candidate, production)
        )
    for kind, ours, theirs in (
        ("inputs", candidate.signature.inputs, production.signature.inputs),
        (
            "outputs",
            _outputs(candidate.signature, accepted),
            _outputs(production.signature, accepted),
        ),
    ):
        if without_precision(ours) != without_precision(theirs):
            return f"Its {kind} are {_described(ours)}, production's {_described(theirs)}."
    return None


def _how_to_accept(candidate: Manifest, production: Manifest) -> str:
    new = sorted({*candidate.labels} - {*production.labels})
    gone = sorted({*production.labels} - {*candidate.labels})
    if not new and not gone:
        return ""
    options = " ".join(f"--accept-labels {shlex.quote(label)}" for label in (*new, *gone))
    return (
        f" New: {listed(new)}; gone: {listed(gone)}. If that is meant, "
        f"confirm it with: retread promote VERSION {options}"
    )


def _outputs(signature: Signature, any_labels: bool) -> tuple[TensorSpec, ...]:
    kept = [spec for spec in signature.outputs if spec.name != _IGNORED_OUTPUT]
    return tuple(msgspec.structs.replace(s, shape=(-1,)) if any_labels else s for s in kept)


def _described(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(
        f"{spec.name} {spec.datatype.value}{list(spec.shape)}"
        + (f" of {listed(spec.columns)}" if spec.columns else "")
        for spec in specs
    )
