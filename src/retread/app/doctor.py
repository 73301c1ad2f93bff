"""What a machine and a project need, looked at one by one."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from retread.app.known_names import known_names
from retread.app.supervisor import running_status, services_of
from retread.app.supervisor.service import is_free
from retread.app.workspace import Workspace
from retread.core import NotFound, RetreadError
from retread.project import LoadedProject, open_project

EXTRAS = {"vision": ("torch", "torchvision", "onnxscript"), "postgres": ("psycopg",)}
NEEDED = ("mlflow", "onnxruntime", "lance", "dbos", "sklearn", "skl2onnx")
ENOUGH_DISK = 2_000_000_000


class Condition(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at, and what to do about it."""

    subject: str
    condition: Condition
    text: str


def examine(start: Path, environment: Mapping[str, str]) -> tuple[Finding, ...]:
    """Look at the machine, and at the project at or above `start` if there is one."""
    findings = [_python(), _packages(), *_extras(), _disk(start)]
    try:
        project = open_project(start, environment, known_names())
    except NotFound as error:
        return (*findings, Finding(subject="project", condition=Condition.NOTE, text=str(error)))
    except RetreadError as error:
        problem = Finding(subject="settings", condition=Condition.PROBLEM, text=str(error))
        return (*findings, problem)
    return (*findings, *_project(project), *_ports(project), _ledger(project))


def _python() -> Finding:
    return _fine("python", ".".join(map(str, sys.version_info[:3])))


def _packages() -> Finding:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return _problem("packages", f"missing: {', '.join(missing)}. Run: pip install retread")
    return _fine("packages", f"retread {_version('retread')}, mlflow {_version('mlflow')}")


def _extras() -> Iterator[Finding]:
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if importlib.util.find_spec(name) is None]
        if missing:
            text = f"not installed: {', '.join(missing)}. Run: pip install 'retread[{extra}]'"
            yield Finding(subject=extra, condition=Condition.NOTE, text=text)
        else:
            yield _fine(extra, f"{packages[0]} {_version(packages[0])}")


def _disk(start: Path) -> Finding:
    free = shutil.disk_usage(start if start.exists() else Path()).free
    text = f"{free / 1e9:.1f} GB free"
    if free < ENOUGH_DISK:
        return _problem("disk", f"{text}; data versions and models want {ENOUGH_DISK / 1e9:.0f} GB")
    return _fine("disk", text)


def _project(project: LoadedProject) -> Iterator[Finding]:
    yield _fine("settings", str(project.root / "retread.toml"))
    source = project.settings.data.source
    if source and not (project.root / source).exists():
        text = f"[data] source {source!r} is not there yet; README.md may say how to get it"
        yield Finding(subject="data", condition=Condition.NOTE, text=text)


def _ports(project: LoadedProject) -> Iterator[Finding]:
    if (status := running_status(project.home)) is not None:
        yield _fine("ports", f"Retread is up (process {status.pid})")
        return
    for service in services_of(project):
        if not service.port:
            continue
        if is_free(service.host, service.port):
            yield _fine("ports", f"{service.port} is free for {service.name}")
        else:
            text = f"{service.port} is taken; {service.name} needs it: change {service.setting}"
            yield _problem("ports", text)


def _ledger(project: LoadedProject) -> Finding:
    try:
        entries = Workspace(project).ledger.verify()
    except RetreadError as error:
        return _problem("ledger", str(error))
    return _fine("ledger", f"{entries} entries, chain whole")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "without metadata"


def _fine(subject: str, text: str) -> Finding:
    return Finding(subject=subject, condition=Condition.OK, text=text)


def _problem(subject: str, text: str) -> Finding:
    return Finding(subject=subject, condition=Condition.PROBLEM, text=text)
