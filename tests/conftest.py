"""What all tests share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("retread", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("retread")

OwnModule = Callable[[str, str], str]


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnModule:
    """Write a module of the user's own and make it importable; returns its name."""

    def write(name: str, code: str) -> str:
        (tmp_path / f"{name}.py").write_text(code, "utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write
