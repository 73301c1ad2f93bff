"""A minute of the fuzz; `make fuzz` takes ten."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.serving.fuzz import GIVES_BACK, fuzz, make_server
from tests.serving.running import running


@pytest.mark.slow
def test_fuzz_for_a_minute(tmp_path: Path) -> None:
    with running(make_server(tmp_path), **GIVES_BACK) as server:
        found = fuzz(server, seconds=60.0, seed=1)
    assert found.failures == []
    assert {200, 400} <= set(found.answers)
