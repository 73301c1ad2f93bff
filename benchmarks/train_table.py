"""How long `retread train` takes for a million rows x 20 columns, beside a script that does less.

    python benchmarks/train_table.py [--rows 1000000] [--repeat 3]

The script imports scikit-learn, reads the same file, fits the same booster on as many rows, and
exports it. `retread train` also validates, evaluates, checks the export and records the run. Both
are timed from the start of the process, in turns; the ratio is that of the medians. Exit 1 when
it is above the bar.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from commands import Turn, elsewhere, timed

BAR = 1.3

_COLUMNS = 20
_TRAIN_SHARE = 0.65
_PROJECT = """
[project]
name = "table"
[data]
dataset = "table"
labels = "label"
[recipe]
kind = "tabular-classification"
[training]
model_type = "gradient_boosting"
[early_stopping]
patience = 10
"""
_SCRIPT = """
import sys
import numpy as np
import pyarrow.parquet as pq
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier

source, rows, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
table = pq.read_table(source).slice(0, rows)
names = [name for name in table.column_names if name != "label"]
features = np.stack([table[name].to_numpy() for name in names], axis=1).astype(np.float32)
model = HistGradientBoostingClassifier(random_state=0, early_stopping=False)
model.fit(features, table["label"].to_numpy(zero_copy_only=False))
graph = to_onnx(
    model,
    initial_types=[("features", FloatTensorType([None, len(names)]))],
    options={id(model): {"zipmap": False}},
    target_opset={"": 21, "ai.onnx.ml": 3},
)
open(target, "wb").write(graph.SerializeToString())
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ratio = measure(Path(folder), arguments.rows, arguments.repeat)
    print(f"train / script <= {BAR}: {ratio <= BAR}")
    return 0 if ratio <= BAR else 1


def measure(folder: Path, rows: int, repeat: int) -> float:
    """Print the medians, and return their ratio."""
    source = folder / "table.parquet"
    elsewhere(generate, source, rows)
    (folder / "retread.toml").write_text(_PROJECT, "utf-8")
    retread = str(Path(sys.executable).with_name("retread"))
    timed([retread, "data", "add", "table", str(source)], folder)
    share = str(int(rows * _TRAIN_SHARE))
    commands = {
        "script": (sys.executable, "-c", _SCRIPT, str(source), share, str(folder / "model.onnx")),
        "retread train": (retread, "train", "--yes"),
    }
    turns: dict[str, list[Turn]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            turns[name].append(timed(command, folder))
    medians = {name: statistics.median(turn.seconds for turn in of) for name, of in turns.items()}
    for name, of in turns.items():
        cpu = statistics.median(turn.cpu for turn in of)
        print(
            f"{name:14} {medians[name]:6.1f} s  (of {[round(turn.seconds, 1) for turn in of]}), "
            f"{cpu:.1f} s of CPU, largest process {max(turn.gigabytes for turn in of):.2f} GB"
        )
    ratio = medians["retread train"] / medians["script"]
    print(f"ratio          {ratio:6.2f}")
    return ratio


def generate(source: Path, rows: int) -> None:
    """Write a table whose label depends on a few of its columns, and on chance."""
    random = np.random.default_rng(0)
    columns = {f"x{i}": random.normal(size=rows).astype(np.float32) for i in range(_COLUMNS)}
    score = columns["x0"] + columns["x1"] * columns["x2"] + random.normal(size=rows)
    columns["label"] = np.where(score > 0, "high", "low")
    pq.write_table(pa.table(columns), source)


if __name__ == "__main__":
    sys.exit(main())
