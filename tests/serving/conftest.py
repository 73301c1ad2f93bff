"""Projects and servers for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bundles import iris_bundle, tiny_image_bundle
from tests.serving.running import Served, Server, running

from retread.registry.events import Slot


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served.make(tmp_path / "project")


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with version 1 in production and version 2, the flipped one, in staging."""
    served = Served.make(tmp_path_factory.mktemp("iris"), "[serving]\nmax_body_mb = 1.0\n")
    served.assign(1, iris_bundle(served.bundles))
    served.assign(2, iris_bundle(served.bundles, flipped=True), Slot.STAGING)
    with running(served) as server:
        yield server


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server of the tiny image model."""
    served = Served.make(tmp_path_factory.mktemp("images"))
    served.assign(1, tiny_image_bundle(served.bundles))
    with running(served) as server:
        yield server
