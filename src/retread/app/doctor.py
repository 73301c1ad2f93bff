"""Check that the machine and the project have what Retread needs."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from retread.app.overview import LedgerView, LiveReader
from retread.app.projects import open_checked_project
from retread.app.supervisor import is_free, running_status, services_of
from retread.app.workspace import Workspace
from retread.core import NotFound, RetreadError
from retread.project import LoadedProject

EXTRAS = {"vision": ("torch", "torchvision", "onnxscript"), "postgres": ("psycopg",)}
REQUIRED = ("mlflow", "onnxruntime", "lance", "dbos", "sklearn", "skl2onnx")
MIN_FREE_DISK = 2_000_000_000


class Condition(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"
    FAILED = "failed"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one check, with what to do about it."""

    subject: str
    condition: Condition
    text: str


def examine(start: Path, environment: Mapping[str, str]) -> tuple[Finding, ...]:
    """Check the machine, and the project at or above `start` if there is one."""
    findings = [_python(), _packages(), *_extras(), _disk(start)]
    try:
        project = open_checked_project(start, environment)
    except NotFound as error:
        return (*findings, Finding(subject="project", condition=Condition.NOTE, text=str(error)))
    except RetreadError as error:
        problem = Finding(subject="settings", condition=Condition.PROBLEM, text=str(error))
        return (*findings, problem)
    workspace = Workspace(project)
    return (
        *findings,
        *_project(project),
        *_ports(project),
        _ledger(workspace),
        *_parts(workspace, environment),
    )


def _python() -> Finding:
    return _ok("python", ".".join(map(str, sys.version_info[:3])))


def _packages() -> Finding:
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        return _problem("packages", f"missing: {', '.join(missing)}. Run: pip install retread")
    return _ok("packages", f"retread {_version('retread')}, mlflow {_version('mlflow')}")


def _extras() -> Iterator[Finding]:
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if importlib.util.find_spec(name) is None]
        if missing:
            text = f"not installed: {', '.join(missing)}. Run: pip install 'retread[{extra}]'"
            yield Finding(subject=extra, condition=Condition.NOTE, text=text)
        else:
            yield _ok(extra, f"{packages[0]} {_version(packages[0])}")


def _disk(start: Path) -> Finding:
    free = shutil.disk_usage(start if start.exists() else Path()).free
    text = f"{free / 1e9:.1f} GB free"
    if free < MIN_FREE_DISK:
        return _problem(
            "disk", f"{text}; dataset versions and models need {MIN_FREE_DISK / 1e9:.0f} GB"
        )
    return _ok("disk", text)


def _project(project: LoadedProject) -> Iterator[Finding]:
    yield _ok("settings", str(project.root / "retread.toml"))
    source = project.settings.data.source
    if source and not (project.root / source).exists():
        text = f"[data] source {source!r} does not exist yet; see the project's README.md"
        yield Finding(subject="data", condition=Condition.NOTE, text=text)


def _ports(project: LoadedProject) -> Iterator[Finding]:
    if (status := running_status(project.home)) is not None:
        yield _ok("ports", f"used by Retread, which is running (process {status.pid})")
        return
    for service in services_of(project):
        if not service.port:
            continue
        if is_free(service.host, service.port):
            yield _ok("ports", f"{service.port} is free for {service.name}")
        else:
            text = f"{service.port} is in use; {service.name} needs it: change {service.setting}"
            yield _problem("ports", text)


def _parts(workspace: Workspace, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Report the parts that have failed, and what is configured and not in use."""
    try:
        live = LiveReader(workspace, environment).read(LedgerView(workspace.ledger).read())
    except RetreadError:
        return  # the finding on the ledger says it
    for part in live.failed:
        text = f"{part.part}: {part.problem}"
        yield Finding(subject="parts", condition=Condition.FAILED, text=text)
    if not live.failed:
        yield _ok("parts", "none has failed")
    for changed in live.not_in_use:
        yield Finding(subject="settings", condition=Condition.NOTE, text=changed.text)
    for notifier in live.notifiers:
        if notifier.setup == "no address":
            text = f"{notifier.name}: no address"
            yield Finding(subject="messages", condition=Condition.NOTE, text=text)


def _ledger(workspace: Workspace) -> Finding:
    try:
        entries = workspace.ledger.verify()
    except RetreadError as error:
        return _problem("ledger", str(error))
    return _ok("ledger", f"{entries} entries, hash chain intact")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"


def _ok(subject: str, text: str) -> Finding:
    return Finding(subject=subject, condition=Condition.OK, text=text)


def _problem(subject: str, text: str) -> Finding:
    return Finding(subject=subject, condition=Condition.PROBLEM, text=text)
