"""How long `retread data add` takes for a table of a million rows and 20 columns, and its memory.

    python benchmarks/data_table.py [--rows 1000000] [--repeat 3]

The whole command is timed, from the start of the process, and its largest resident memory taken.
Exit 1 when a million rows take longer or more than they may.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
from commands import Turn, elsewhere, timed

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
        elsewhere(write, source, arguments.rows)
        megabytes = source.stat().st_size / 1e6
        print(f"{arguments.rows} rows x 20 columns, {megabytes:.0f} MB")
        turns = [add(Path(folder) / str(turn), source) for turn in range(arguments.repeat)]
    seconds = statistics.median(turn.seconds for turn in turns)
    gigabytes = max(turn.gigabytes for turn in turns)
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


def add(project: Path, source: Path) -> Turn:
    """Add the table to a new project."""
    project.mkdir()
    (project / "retread.toml").write_text(_SETTINGS)
    program = "from retread.cli.main import main; main()"
    return timed([sys.executable, "-c", program, "data", "add", "table", str(source)], project)


if __name__ == "__main__":
    sys.exit(main())
