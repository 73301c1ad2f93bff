"""The candidate takes what production takes, and answers in the same terms."""

from __future__ import annotations

from retread.bundle import Manifest, Signature, TensorSpec
from retread.core import CheckResult, Outcome
from retread.registry.gate_inputs import GateInputs

# Each architecture has its own; clients do not read it.
_OWN = "embedding"


def check(inputs: GateInputs) -> CheckResult:
    """Labels, inputs and outputs are those of production; the evidence fits the labels."""
    problem = _unlike_evidence(inputs)
    if problem or inputs.production is None:
        return _result(problem, "nothing in production yet")
    theirs = inputs.production.manifest
    if theirs is None:
        reason = f"What {inputs.production_name} takes is not known: its bundle is damaged."
        return CheckResult(check="signature", outcome=Outcome.INCONCLUSIVE, reason=reason)
    return _result(_unlike(inputs.manifest, theirs), inputs.production_name)


def _result(problem: str, against: str) -> CheckResult:
    return CheckResult(
        check="signature",
        outcome=Outcome.FAIL if problem else Outcome.PASS,
        reason=problem or f"Inputs and labels fit {against}.",
    )


def _unlike_evidence(inputs: GateInputs) -> str:
    labels = len(inputs.manifest.labels)
    evidence = inputs.evidence
    if evidence.is_classification != bool(labels):
        return "The evidence is of another kind of task than the labels."
    width = evidence.outputs.shape[1]
    if labels and width != labels:
        return f"The model has {labels} labels, but its evidence {width} probabilities."
    if labels and len(evidence.truth) and not 0 <= evidence.truth.max() < labels:
        return f"The evidence knows label number {evidence.truth.max()}, of {labels} labels."
    return ""


def _unlike(candidate: Manifest, production: Manifest) -> str:
    if candidate.labels != production.labels:
        return f"Its labels are {list(candidate.labels)}, production's {list(production.labels)}."
    for kind, ours, theirs in (
        ("inputs", candidate.signature.inputs, production.signature.inputs),
        ("outputs", _outputs(candidate.signature), _outputs(production.signature)),
    ):
        if ours != theirs:
            return f"Its {kind} are {_described(ours)}, production's {_described(theirs)}."
    return ""


def _outputs(signature: Signature) -> tuple[TensorSpec, ...]:
    return tuple(spec for spec in signature.outputs if spec.name != _OWN)


def _described(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(
        f"{spec.name} {spec.datatype.value}{list(spec.shape)}"
        + (f" of {', '.join(spec.columns)}" if spec.columns else "")
        for spec in specs
    )
