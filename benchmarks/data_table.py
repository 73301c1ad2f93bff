"""How long `retread data add` takes for a table of a million rows and 20 columns, and its memory.

    python benchmarks/data_table.py [--rows 1000000] [--repeat 3]

The whole command is timed, from the start of the process, and its largest resident memory taken.
Exit 1 when a million rows take longer or more than they may.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

BAR_S = 5.0
BAR_GB = 1.5

_SETTINGS = """
[project]
name = "table"

[data]
dataset = "table"
labels = "y"

[recipe]
kind = "tabular-classification"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "table.csv"
        # In another process: the peak of a child begins at that of the process that started it.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            pool.submit(write, source, arguments.rows).result()
        megabytes = source.stat().st_size / 1e6
        print(f"{arguments.rows} rows x 20 columns, {megabytes:.0f} MB")
        turns = [add(Path(folder) / str(turn), source) for turn in range(arguments.repeat)]
    seconds = statistics.median(turn[0] for turn in turns)
    gigabytes = max(turn[1] for turn in turns)
    print(f"data add: {seconds:.2f} s, {gigabytes:.2f} GB")
    share = arguments.rows / 1_000_000
    met = seconds <= BAR_S * share and gigabytes <= BAR_GB
    print(f"<= {BAR_S} s and <= {BAR_GB} GB for a million rows: {met}")
    return 0 if met else 1


def write(path: Path, rows: int) -> None:
    """Write numbers of full and of few digits, codes, words and labels."""
    random = np.random.default_rng(0)
    columns: dict[str, npt.NDArray[Any]] = {f"x{i}": random.normal(size=rows) for i in range(8)}
    columns |= {f"n{i}": random.normal(50, 9, rows).round(2) for i in range(6)}
    columns |= {f"k{i}": random.integers(0, 1000, rows) for i in range(2)}
    words = {
        "colour": random.choice(["red", "green", "blue"], rows),
        "code": random.choice([f"{i:04}" for i in range(100)], rows),
        "on": random.choice(["True", "False"], rows),
        "y": random.choice(["go", "stop"], rows),
    }
    pyarrow.csv.write_csv(pa.table({**columns, **words}), path)


def add(project: Path, source: Path) -> tuple[float, float]:
    """Add the table to a new project; return the seconds and the largest memory in GB."""
    project.mkdir()
    (project / "retread.toml").write_text(_SETTINGS)
    command = [
        sys.executable,
        "-c",
        "from retread.cli.main import main; main()",
        "data",
        "add",
        "table",
        str(source),
    ]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--project", str(project)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"data add failed with exit code {process.returncode}")
    return seconds, usage.ru_maxrss / 1e6


if __name__ == "__main__":
    sys.exit(main())
