"""The demos on real data, as commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DATA = Path(os.environ.get("RETREAD_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(
        not DATA.is_dir(), reason=f"NO REAL DATA at {DATA}: set RETREAD_TEST_DATA to test with it"
    ),
]


def run_demo(folder: Path, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-c", "from retread.cli.main import main; main()", "demo", *words]
    done = subprocess.run(
        [*command, "--json"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    results: dict[str, Any] = json.loads(done.stdout)
    assert results["closed"]
    return results


def test_tires_close_the_loop_on_real_photos(tmp_path: Path) -> None:
    results = run_demo(tmp_path, "tires", "--data", str(DATA / "tires"))
    # Such a network reaches 0.80; one standard deviation of the 97 photos in the evaluation split
    # is 0.04.
    assert results["versions"][0]["metrics"]["Accuracy"] >= 0.73


def test_alarms_alone_keep_bikes_below_sixty_percent_of_the_fixed_model(tmp_path: Path) -> None:
    results = run_demo(tmp_path, "bikes", "--data", str(DATA / "bike_sharing" / "hour.csv"))
    assert results["measures"]["ratio"] <= 0.60
    assert {row["cause"] for row in results["versions"][1:]} <= {"degradation", "drift"}
    promoted = sum(
        n for name, n in results["measures"].items() if name.startswith("promotions for")
    )
    assert promoted >= 6
