"""Detectors: built-in ones, your own, and when their evidence is an alarm."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from math import log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.monitoring.harness import MonitorHarness

from retread.core import InvalidInput, UnknownOption
from retread.monitoring import Streams, alarming_streams, detectors, load_detector
from retread.registry.events import DriftDetected

evidences = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.floats(-20, 20))

SUDDEN = '''
"""Raises an alarm if the mean is far from the reference's."""

import struct

import numpy as np


class Sudden:
    def start(self, reference, seed):
        return {name: (values.mean(), 0.0) for name, values in reference.numeric.items()}

    def update(self, state, batch):
        return {
            name: (mean, abs(batch.numeric[name].mean() - mean) * 100)
            for name, (mean, _) in state.items()
        }

    def evidence(self, state):
        return {name: odds for name, (_, odds) in state.items()}

    def encode(self, state):
        return repr({k: (float(a), float(b)) for k, (a, b) in state.items()}).encode()

    def decode(self, content):
        import ast

        return ast.literal_eval(content.decode())


def detector():
    return Sudden()
'''


@pytest.fixture
def one_more_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "sudden.py").write_text(SUDDEN)
    monkeypatch.setattr(detectors, "__path__", [*detectors.__path__, str(tmp_path)])
    yield
    sys.modules.pop("retread.monitoring.detectors.sudden", None)


def test_a_detector_is_one_file(
    harness: MonitorHarness, one_more_file: None, rng: np.random.Generator
) -> None:
    harness.promote(1, harness.reference(rng), {"Accuracy": 0.9})
    harness.traffic.append(harness.records(rng, 50, prefix="a", brightness=0.9))
    (alarm,) = harness.monitor(detectors=("sudden",)).step()
    assert isinstance(alarm, DriftDetected)
    assert alarm.detector == "sudden"
    assert alarm.streams == ("brightness",)
    both = harness.monitor(detectors=("sudden", "conformal"))
    harness.traffic.append(harness.records(rng, 50, prefix="b", brightness=0.9))
    (alarm,) = both.step()
    assert isinstance(alarm, DriftDetected)
    assert alarm.detector == "conformal"


STEADY = '''
"""Always has the same evidence."""


class Steady:
    def start(self, reference, seed):
        return {name: 3.2 for name in reference.numeric}

    def update(self, state, batch):
        return state

    def evidence(self, state):
        return state

    def encode(self, state):
        return b""

    def decode(self, content):
        raise NotImplementedError


def detector():
    return Steady()
'''


def test_two_detectors_need_more_evidence_than_one(
    harness: MonitorHarness,
    rng: np.random.Generator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """log(1 / 0.05) is 3.0 and log(2 / 0.05) is 3.7."""
    for name in ("steady", "steadier"):
        (tmp_path / f"{name}.py").write_text(STEADY)
    monkeypatch.setattr(detectors, "__path__", [*detectors.__path__, str(tmp_path)])
    harness.promote(1, harness.reference(rng), {"Accuracy": 0.9})
    harness.traffic.append(harness.records(rng, 50, prefix="a", brightness=0.9))
    assert not harness.monitor(detectors=("steady", "steadier")).report().alarm
    assert harness.monitor(detectors=("steady",)).report().alarm
    for name in ("steady", "steadier"):
        sys.modules.pop(f"retread.monitoring.detectors.{name}", None)


def test_a_detector_can_be_named_by_its_import_string() -> None:
    detector = load_detector("retread.monitoring.detectors.conformal:Conformal")
    reference = Streams(100, {"x": np.arange(100.0)}, {}, np.zeros((100, 0), dtype=np.float32))
    assert detector.evidence(detector.start(reference, seed=0)).keys() == {"x"}


def test_an_unknown_detector_lists_the_known_ones() -> None:
    with pytest.raises(UnknownOption, match="conformal"):
        load_detector("conformity")


OWN = '''
import msgspec
import numpy as np

from retread.monitoring import BettingTest


class NewMaximum:
    """Bets that more than 5 % of the photos are brighter than all of the reference."""

    def start(self, reference, seed):
        return float(reference.numeric["brightness"].max()), BettingTest(lower_bound=0.05)

    def update(self, state, batch):
        brighter = batch.numeric["brightness"] > state[0]
        return state[0], state[1].update((brighter - 0.05).tolist())

    def evidence(self, state):
        return {"brightness": state[1].evidence}

    def encode(self, state):
        return msgspec.json.encode(state)

    def decode(self, content):
        return msgspec.json.decode(content, type=tuple[float, BettingTest])


class NoEvidence(NewMaximum):
    evidence = None


class OneArgument(NewMaximum):
    def update(self, state):
        return state


class NeedsAnArgument(NewMaximum):
    def __init__(self, threshold):
        self.threshold = threshold


class Fails(NewMaximum):
    def __init__(self):
        raise KeyError("threshold")


class Returns(NewMaximum):
    def __init__(self):
        self.evidence = lambda state: self.returned


class NoneAsEvidence(Returns):
    returned = None


class Number(Returns):
    returned = 0.5


class Text(Returns):
    returned = {"x": "a"}


class NotANumber(Returns):
    returned = {"x": float("nan")}


class NumPy(Returns):
    returned = {"x": np.float32(0.5)}


class EncodesText(NewMaximum):
    def encode(self, state):
        return "state"


def exits(*arguments):
    raise SystemExit(1)


class AlwaysExits:
    start = update = evidence = encode = decode = staticmethod(exits)


threshold = 0.5
'''


@pytest.fixture
def own_detectors(own_module: Callable[[str, str], str]) -> str:
    """A module with detectors of the user's own."""
    return own_module("my_detectors", OWN)


def test_a_detector_of_your_own_raises_alarms(
    harness: MonitorHarness, rng: np.random.Generator, own_detectors: str
) -> None:
    name = f"{own_detectors}:NewMaximum"
    harness.promote(1, harness.reference(rng), {"Accuracy": 0.9})
    harness.traffic.append(harness.records(rng, 100, prefix="a"))
    assert harness.monitor(detectors=(name,)).step() == ()
    harness.traffic.append(harness.records(rng, 50, prefix="b", brightness=0.9))
    (alarm,) = harness.monitor(detectors=(name,)).step()
    assert isinstance(alarm, DriftDetected)
    assert (alarm.detector, alarm.streams) == (name, ("brightness",))
    assert harness.monitor(detectors=(name,)).report().alarm, "its state was stored and loaded"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("NoEvidence", r"has no method evidence\(\)"),
        ("OneArgument", r"update\(\) does not accept the arguments \(state, batch\)"),
        ("NeedsAnArgument", "it cannot be called without arguments"),
        ("Fails", "cannot be created: KeyError: 'threshold'"),
        ("threshold", "it is an object of type float, not a function or class"),
    ],
)
def test_a_detector_that_does_not_fit_is_refused(
    own_detectors: str, name: str, problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem) as refused:
        load_detector(f"{own_detectors}:{name}")
    assert "docs/extending.md" in refused.value.hint
    assert "retread.monitoring.Detector" in refused.value.hint


@pytest.mark.parametrize(
    ("name", "method", "problem"),
    [
        (
            "NoneAsEvidence",
            "evidence",
            r"evidence\(\) returned an object of type NoneType, not a",
        ),
        ("Number", "evidence", r"evidence\(\) returned an object of type float, not a dict"),
        ("Text", "evidence", r"evidence\(\) returned an object of type str for 'x', not a number"),
        ("NotANumber", "evidence", r"evidence\(\) returned nan for 'x'"),
        ("EncodesText", "encode", r"encode\(\) returned an object of type str, not bytes"),
        ("AlwaysExits", "start", r"failed in start\(\): SystemExit: 1"),
        ("AlwaysExits", "update", r"failed in update\(\): SystemExit: 1"),
        ("AlwaysExits", "evidence", r"failed in evidence\(\): SystemExit: 1"),
        ("AlwaysExits", "encode", r"failed in encode\(\): SystemExit: 1"),
        ("AlwaysExits", "decode", r"failed in decode\(\): SystemExit: 1"),
    ],
)
def test_what_a_detector_of_your_own_returns_is_checked(
    own_detectors: str, name: str, method: str, problem: str
) -> None:
    detector = load_detector(f"{own_detectors}:{name}")
    arguments = [None] * (2 if method in {"start", "update"} else 1)
    with pytest.raises(InvalidInput, match=f"'my_detectors:{name}'.*{problem}") as refused:
        getattr(detector, method)(*arguments)
    assert "retread.monitoring.Detector" in refused.value.hint
    assert "docs/extending.md" in refused.value.hint


def test_evidence_may_be_numbers_of_numpy(own_detectors: str) -> None:
    evidence = load_detector(f"{own_detectors}:NumPy").evidence(None)
    assert evidence == {"x": 0.5}
    assert type(evidence["x"]) is float


@pytest.mark.parametrize("path", ["retread.nowhere:X", "retread.monitoring:X", "retread.:X"])
def test_an_import_string_that_names_nothing_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="detector"):
        load_detector(path)


@given(evidences, st.floats(0.01, 0.4))
def test_streams_are_named_only_if_the_strongest_is_an_alarm(
    evidence: dict[str, float], alpha: float
) -> None:
    named = alarming_streams(evidence, alpha)
    strongest = max(evidence.values(), default=-np.inf)
    assert bool(named) == (strongest >= log(1 / alpha))
    if named:
        weakest = min(evidence[name] for name in named)
        assert weakest >= -log(alpha * len(named))
        assert all(evidence[name] <= weakest for name in evidence if name not in named)


def test_false_discoveries_over_fifty_features_are_controlled() -> None:
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        # Ten features that changed, forty e-values of mean 1 that did not, all over 50.
        quiet = rng.exponential(1.0, size=40) ** 2 / 2
        changed = rng.exponential(2_000.0, size=10)
        evidence = {f"q{i}": float(np.log(v / 50)) for i, v in enumerate(quiet)}
        evidence |= {f"l{i}": float(np.log(v / 50)) for i, v in enumerate(changed)}
        named = alarming_streams(evidence, 0.05)
        shares.append(sum(n.startswith("q") for n in named) / max(1, len(named)))
    assert float(np.mean(shares)) <= 0.05
