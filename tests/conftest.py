"""What all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, event

# How long an example takes says more about the machine than about the code.
settings.register_profile("retread", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("retread"), max_examples=20)
settings.load_profile("retread")

OwnModule = Callable[[str, str], str]


@pytest.fixture(scope="session", autouse=True)
def without_syncing() -> Iterator[None]:
    """Do not wait for the disk: processes are killed in these tests, machines are not."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: None)
        event.listen(Engine, "connect", _without_syncing)
        yield
        event.remove(Engine, "connect", _without_syncing)


def _without_syncing(connection: Any, _: object) -> None:
    if type(connection).__module__.startswith("sqlite3"):
        connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnModule:
    """Write a module of the user's own and make it importable; returns its name."""

    def write(name: str, code: str) -> str:
        (tmp_path / f"{name}.py").write_text(code, "utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write
