"""The settings of the place where a project runs: names, ports, storage and compute."""

from __future__ import annotations

from datetime import tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from retread.project.settings.section import Section, Zone


class ProjectSection(Section):
    """Name and ports of the project."""

    name: str = Field(default="model", pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    """Name of the model. It appears in URLs and messages."""
    tracking_port: int = Field(default=5000, ge=0, le=65_535)
    """Port of the MLflow UI."""
    control_port: int = Field(default=5002, ge=0, le=65_535)
    """Port of the control API and the status page."""
    public_url: str = Field(default="", pattern=r"^(https?://[^\s/]+\S*)?$")
    """Address under which others reach the status page, such as https://retread.example.com behind
    a proxy. Links in messages lead there. Empty: the address on this machine."""
    timezone: Zone = ""
    """Time zone of the times that are shown (with UTC beside them), of those that you type, and of
    `[triggers] schedule`, such as Europe/Berlin. Empty: that of the machine. Times in data have
    their own: the `zone` of their column in `[data.columns]`."""

    @property
    def zone(self) -> tzinfo | None:
        """The time zone; None for that of the machine."""
        return ZoneInfo(self.timezone) if self.timezone else None


class StorageSection(Section):
    """Where datasets and bundles are stored."""

    datasets: str = ""
    """Folder of the dataset tables. Empty: `datasets` in RETREAD_HOME."""
    bundles: str = ""
    """Folder of the model bundles. Empty: `bundles` in RETREAD_HOME."""


class DatabaseSection(Section):
    """Where the ledger, the outbox and the labels are stored."""

    url: str = ""
    """SQLAlchemy URL of a SQLite or PostgreSQL database. Empty: SQLite in RETREAD_HOME."""


class ComputeSection(Section):
    """Where training runs."""

    kind: Literal["process"] = "process"
    """`process`: a child process on this machine."""
    parallel_runs: int = Field(default=2, ge=1, le=64)
    """Maximum number of runs of a scenario that are trained in parallel."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device for neural networks."""


class AuthSection(Section):
    """Access control."""

    require_loopback: Literal[True] = True
    """Refuse to listen on addresses that other machines can reach."""
