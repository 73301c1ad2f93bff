from __future__ import annotations

import sys
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.core import InvalidInput, UnknownOption
from retread.monitoring import alarming_streams, detectors, load_detector

evidences = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.floats(-20, 20))

SUDDEN = '''
"""Alarms at a mean far from the reference's."""

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


def test_a_detector_is_one_file(house: Any, one_more_file: None, rng: np.random.Generator) -> None:
    house.promote(1, house.reference(rng), {"Accuracy": 0.9})
    house.traffic.append(house.records(rng, 50, prefix="a", brightness=0.9))
    (alarm,) = house.monitor(detectors=("sudden",)).step()
    assert alarm.detector == "sudden"
    assert alarm.streams == ("brightness",)
    both = house.monitor(detectors=("sudden", "conformal"))
    house.traffic.append(house.records(rng, 50, prefix="b", brightness=0.9))
    assert [alarm.detector for alarm in both.step()] == ["conformal"]


STEADY = '''
"""Has the evidence that it is told to have."""


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


def test_evidence_enough_for_one_detector_is_not_enough_beside_another(
    house: Any, rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """log(1 / 0.05) is 3.0 and log(2 / 0.05) is 3.7."""
    for name in ("steady", "steadier"):
        (tmp_path / f"{name}.py").write_text(STEADY)
    monkeypatch.setattr(detectors, "__path__", [*detectors.__path__, str(tmp_path)])
    house.promote(1, house.reference(rng), {"Accuracy": 0.9})
    house.traffic.append(house.records(rng, 50, prefix="a", brightness=0.9))
    assert not house.monitor(detectors=("steady", "steadier")).report().alarm
    assert house.monitor(detectors=("steady",)).report().alarm
    for name in ("steady", "steadier"):
        sys.modules.pop(f"retread.monitoring.detectors.{name}", None)


def test_a_detector_can_be_named_by_its_path() -> None:
    detector = load_detector("retread.monitoring.detectors.conformal:Conformal")
    assert type(detector).__name__ == "Conformal"


def test_an_unknown_detector_names_those_there_are() -> None:
    with pytest.raises(UnknownOption, match="conformal"):
        load_detector("conformity")


@pytest.mark.parametrize("path", ["retread.nowhere:X", "retread.monitoring:X", "retread.:X"])
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="detector"):
        load_detector(path)


@given(evidences, st.floats(0.01, 0.4))
def test_streams_are_named_only_with_evidence_enough_for_one(
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
        loud = rng.exponential(2_000.0, size=10)
        evidence = {f"q{i}": float(np.log(v / 50)) for i, v in enumerate(quiet)}
        evidence |= {f"l{i}": float(np.log(v / 50)) for i, v in enumerate(loud)}
        named = alarming_streams(evidence, 0.05)
        shares.append(sum(n.startswith("q") for n in named) / max(1, len(named)))
    assert float(np.mean(shares)) <= 0.05
