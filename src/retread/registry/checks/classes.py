"""Check the recall of every class, and name the classes that cannot be judged."""

from __future__ import annotations

from math import isnan

from msgspec import UNSET

from retread.bundle import class_recalls
from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.registry.gate_inputs import GateInputs

_MAX_LISTED = 6
_MAX_RECORDED = 100


def check(inputs: GateInputs) -> CheckResult:
    """Fail if a class that has evaluation examples is recognised less often than required."""
    labels = inputs.manifest.labels
    if not labels:
        return CheckResult(check="classes", outcome=Outcome.PASS, reason="Numeric target.")
    found = dict(zip(labels, class_recalls(inputs.evidence, len(labels)), strict=True))
    judged = {label: recall for label, (_, recall) in found.items() if not isnan(recall)}
    unjudged = [label for label in labels if label not in judged]
    required = inputs.settings.min_recall
    missed = [label for label, recall in judged.items() if recall < required]
    unknown = [label for label, recall in judged.items() if recall == 0.0]
    worst = sorted(judged, key=lambda label: judged[label])[:_MAX_LISTED]
    lowest_first = [f"{label!r} {judged[label]:.3f} (of {found[label][0]})" for label in worst]
    lowest = "Recall" if len(judged) <= _MAX_LISTED else "Lowest recall"
    reason = f"{lowest}: {', '.join(lowest_first) or 'of no class'}."
    if missed:
        reason += f" At least {required:g} is required of each class."
    if unknown:
        reason += f" Never recognised: {listed(map(repr, unknown), _MAX_LISTED)}."
    if unjudged:
        reason += (
            f" Not judged, without evaluation examples: {listed(map(repr, unjudged), _MAX_LISTED)}."
        )
    if len(labels) == 2:
        reason += f" The positive class is {labels[1]!r}."
    return CheckResult(
        check="classes",
        outcome=Outcome.FAIL if missed else Outcome.PASS,
        reason=reason,
        numbers={f"recall of {label}": judged[label] for label in list(judged)[:_MAX_RECORDED]}
        | {"unjudged": float(len(unjudged)), "min_recall": required},
        notice=(not missed and bool(unknown or unjudged)) or UNSET,
    )
