"""What the gate looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retread.bundle import Evidence, Manifest
from retread.project.settings import GateSection


@dataclass(frozen=True, slots=True)
class Measurement:
    """A bundle tried out on its own examples.

    `latency_ms` float64 [runs], of one example each; `finite` whether every output was a number.
    """

    latency_ms: npt.NDArray[np.float64]
    finite: bool


@dataclass(frozen=True, slots=True)
class Opponent:
    """The version in production; `evidence` is what it says about the candidate's evaluation
    split, or None when it was not scored on it. A damaged bundle has no `manifest`."""

    version: int
    manifest: Manifest | None
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class GateInputs:
    """A candidate, the rules, and the version in production, if there is one."""

    settings: GateSection
    manifest: Manifest
    evidence: Evidence
    measurement: Measurement
    production: Opponent | None = None

    @property
    def production_name(self) -> str:
        """How reasons call the version in production."""
        return f"version {self.production.version}" if self.production else "no version"
