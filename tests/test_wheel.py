"""`pip install retread` works: from the wheel, away from the checkout, without extras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, folder: Path, timeout_s: float = 600.0) -> str:
    # Neither the checkout nor this environment may be found from there.
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_wheel_plays_the_iris_demo_in_a_clean_environment(tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip")
    run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT, folder=tmp_path)
    (wheel,) = tmp_path.glob("retread-*.whl")
    clean = tmp_path / "clean"
    venv.create(clean, with_pip=True)
    constraints = ("--constraint", ROOT / "constraints.txt")
    run(
        *(clean / "bin" / "pip", "install", "--quiet", *constraints, wheel),
        folder=tmp_path,
        timeout_s=1000.0,
    )
    where = run(
        *(clean / "bin" / "python", "-c", "import retread; print(retread.__file__)"),
        folder=tmp_path,
    )
    assert str(clean) in where
    played = run(clean / "bin" / "retread", "demo", "iris", "--json", folder=tmp_path)
    assert json.loads(played)["closed"] is True
