"""The texts of the notifications."""

from __future__ import annotations

from retread.bundle import Cause, CauseKind
from retread.core import CheckResult, Outcome, combine
from retread.loop import messages
from retread.loop.messages import MessageContext
from retread.notify import Severity
from retread.registry.events import DriftDetected, PromotionCompleted

CONTEXT = MessageContext(project="tires", control="http://127.0.0.1:5002")
CAUSE = Cause(kind=CauseKind.DRIFT, detail="light drifted in window 4 of version 1")
VERDICT = combine(
    [
        CheckResult(check="comparison", outcome=Outcome.FAIL, reason="Accuracy is 0.12 worse."),
        CheckResult(check="threshold", outcome=Outcome.PASS, reason="Accuracy is 0.81."),
    ]
)


def test_drift_names_the_streams_with_the_largest_effect() -> None:
    streams = tuple(f"f{number}" for number in range(50))
    message = messages.drift_detected(
        CONTEXT,
        DriftDetected(
            version=1,
            detector="conformal",
            window=4,
            streams=streams,
            evidence=dict.fromkeys(streams, 5.3),
            effect={name: float(name[1:]) / 50 for name in streams},
            requests=1400,
        ),
    )
    assert message.severity is Severity.WARNING
    assert list(message.fields) == ["f49", "f48", "f47", "f46", "f45"]
    assert message.fields["f49"] == "effect 0.98, odds 200 : 1"
    assert message.lines[-1] == "45 more streams drifted as well."
    assert "after 1,400 requests" in message.lines[0]


def test_a_failed_gate_lists_its_checks() -> None:
    message = messages.gate_judged(CONTEXT, 4, 3, VERDICT)
    assert message.title == "tires: version 4 failed the gate against version 3"
    assert message.lines == (
        "\N{BALLOT X} comparison: Accuracy is 0.12 worse.",
        "\N{CHECK MARK} threshold: Accuracy is 0.81.",
    )


def test_a_deployment_names_its_reason_and_the_way_back() -> None:
    promoted = PromotionCompleted(version=4, previous=3, generation=9, servers=("a",))
    message = messages.deployed(CONTEXT, promoted, {"Accuracy": 0.81234}, CAUSE.detail)
    assert message.lines == (
        "Reason: light drifted in window 4 of version 1.",
        "Version 3 is kept; to restore it, run: retread rollback",
    )
    assert message.fields == {"Accuracy": "0.8123"}
    assert [link.url for link in message.links] == [
        "http://127.0.0.1:5002",
        "http://127.0.0.1:5002/mlflow",
    ]
    first = PromotionCompleted(version=1, previous=0, generation=1, servers=())
    assert messages.deployed(CONTEXT, first, {}, "").lines == ()
