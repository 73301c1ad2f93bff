"""[project], [storage], [database], [compute], [auth]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from retread.project.sections.section import Section


class ProjectSection(Section):
    """Who this is."""

    name: str = Field(default="model", pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    """Name of the model; it stands in addresses and messages."""
    tracking_port: int = Field(default=5000, ge=0, le=65_535)
    """Port of the MLflow UI."""
    control_port: int = Field(default=5002, ge=0, le=65_535)
    """Port of the control API and the status page."""


class StorageSection(Section):
    """Where datasets and bundles are kept."""

    datasets: str = ""
    """Folder of the Lance tables; '' is `datasets` in RETREAD_HOME."""
    bundles: str = ""
    """Folder of the bundles; '' is `bundles` in RETREAD_HOME."""


class DatabaseSection(Section):
    """Where ledger, outbox and labels are kept."""

    url: str = ""
    """SQLAlchemy address; '' is SQLite in RETREAD_HOME."""


class ComputeSection(Section):
    """Where training runs."""

    kind: Literal["process"] = "process"
    """process: a child process on this machine."""
    parallel_runs: int = Field(default=2, ge=1, le=64)
    """Runs of a scenario that are trained at the same time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device of neural networks."""


class AuthSection(Section):
    """Access control."""

    require_loopback: Literal[True] = True
    """Servers refuse to listen beyond this machine."""
