"""Serving against MLflow on this machine: one row of iris through 100 trees, wrk, 64 connections.

MLflow gets an environment of its own in .venv-peers/mlflow. It runs as installed (sklearn flavor,
one worker) and at its best (ONNX flavor, two workers, uvloop and httptools); ours has routing,
limits, validation, metrics and the traffic log switched on, and one worker. Servers alternate;
medians count. Also measured, in the same run: the data plane's own CPU time per request, beyond
parsing HTTP (a bare httptools server with the same answer) and ONNX Runtime (the same rows in
batches as the server had them). Exit 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from forest import ROW, SIGNATURE, forest_onnx, store_forest
from loading import Contender, Measured, check_wrk, measure

from retread.bundle import LocalBundleStore, OnnxModel
from retread.core import Database, SystemClock
from retread.project import open_project
from retread.registry import SqlLedger
from retread.registry.events import Slot, SlotAssigned

ROOT = Path(__file__).parent.parent
PEER = ROOT / ".venv-peers" / "mlflow"
UVLOOP = ROOT / ".venv-peers" / "mlflow-uvloop"

AS_INSTALLED_BAR = 30.0
BEST_BAR = 5.0
OWN_CPU_BAR_US = 15.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true", help="Only the data plane's own time.")
    options = parser.parse_args()
    check_wrk()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        model = forest_onnx()
        contenders = {"retread": _ours(work, model), "bare": _bare(work)}
        if not options.no_peers:
            contenders |= _mlflow(work, model)
        runs: dict[str, list[Measured]] = {name: [] for name in contenders}
        for number in range(options.rounds):
            for name, contender in contenders.items():
                runs[name].append(measure(contender, options.seconds))
                print(f"round {number + 1}: {name:22} {_line(runs[name][-1])}", flush=True)
    return _judge(runs, model)


def _ours(work: Path, model: bytes) -> Contender:
    project_folder = work / "project"
    project_folder.mkdir()
    (project_folder / "retread.toml").write_text('[project]\nname = "iris"\n')
    project = open_project(project_folder, {})
    digest = store_forest(LocalBundleStore(project.bundles), model)
    database = Database(project.database_url)
    database.create_tables()
    event = SlotAssigned(slot=Slot.PRODUCTION, version=1, bundle=digest, generation=1)
    SqlLedger(database, SystemClock()).append(event)
    database.close()
    tensor = {"name": "features", "shape": [1, 4], "datatype": "FP32", "data": list(ROW)}
    server = [sys.executable, "-m", "retread.serving", "--project", str(project_folder)]
    return Contender(
        "retread",
        [*server, "--port", "PORT"],
        "/v2/models/iris/infer",
        _body(work, "v2.json", {"inputs": [tensor]}),
        {},
    )


def _bare(work: Path) -> Contender:
    body = (
        b'{"model_name":"iris","model_version":"1","id":"1a1fd16a33b-d26e24-00000001","outputs":['
        b'{"name":"probabilities","datatype":"FP32","shape":[1,3],"data":[1.0000001192092896,0.0,'
        b'0.0]},{"name":"label","datatype":"BYTES","shape":[1],"data":["setosa"]}]}'
    )
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-retread-slot: production\r\n"
        "x-retread-version: 1\r\ndate: Sat, 21 Nov 2026 07:51:21 GMT\r\n"
        f"x-request-id: 1a1fd16a33b-d26e24-00000001\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    answer = work / "answer"
    answer.write_bytes(head.encode() + body)
    script = str(Path(__file__).parent / "bare.py")
    command = [sys.executable, script, "PORT", str(answer)]
    return Contender("bare", command, "/v2/models/iris/infer", work / "v2.json", {})


def _mlflow(work: Path, model: bytes) -> dict[str, Contender]:
    _install_mlflow()
    path = work / "model.onnx"
    path.write_bytes(model)
    script = str(Path(__file__).parent / "peers" / "mlflow_models.py")
    subprocess.run([PEER / "bin" / "python", script, str(work / "mlflow"), str(path)], check=True)
    body = _body(work, "mlflow.json", {"inputs": [list(ROW)]})
    environment = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{PEER / 'bin'}:/usr/bin:/bin",
    }
    serve = [str(PEER / "bin" / "mlflow"), "models", "serve", "--env-manager", "local"]
    installed = [*serve, "-p", "PORT", "-m", str(work / "mlflow" / "sklearn")]
    best = [*serve, "-p", "PORT", "-m", str(work / "mlflow" / "onnx"), "-w", "2"]
    uvloop = {**environment, "PYTHONPATH": str(UVLOOP)}
    return {
        "mlflow as installed": Contender("mlflow", installed, "/invocations", body, environment),
        "mlflow at its best": Contender("mlflow", best, "/invocations", body, uvloop),
    }


def _install_mlflow() -> None:
    """Once; uvloop beside it, because MLflow as installed has none."""
    if (UVLOOP / "uvloop").is_dir():
        return
    print("Installing MLflow into .venv-peers/mlflow ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", PEER], check=True)
    pip = [str(PEER / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    packages = ("mlflow", "scikit-learn", "onnx", "onnxruntime")
    subprocess.run([*pip, *(f"{name}=={version(name)}" for name in packages)], check=True)
    subprocess.run([*pip, "--target", UVLOOP, "uvloop", "httptools"], check=True)


def _body(work: Path, name: str, value: object) -> Path:
    path = work / name
    path.write_text(json.dumps(value, separators=(",", ":")))
    return path


def _judge(runs: dict[str, list[Measured]], model: bytes) -> int:
    ours = runs["retread"]
    median = {
        name: statistics.median(run.requests_per_s for run in found) for name, found in runs.items()
    }
    batch = max(1, round(statistics.median(_batch_size(run.metrics) for run in ours)))
    inference = _inference_us(model, batch)
    http = statistics.median(run.cpu_us for run in runs["bare"])
    own = statistics.median(run.cpu_us for run in ours) - http - inference
    result: dict[str, object] = {
        "requests_per_s": {name: round(value) for name, value in median.items()},
        "p99_ms": {n: statistics.median(r.p99_ms for r in found) for n, found in runs.items()},
        "memory_mb": {n: round(statistics.median(r.memory_mb for r in f)) for n, f in runs.items()},
        "first_answer_s": {
            n: round(statistics.median(r.start_s for r in f), 2) for n, f in runs.items()
        },
        "errors": sum(run.errors for run in ours),
        "cpu_us": {
            "server": round(own + http + inference, 1),
            "http": round(http, 1),
            "onnxruntime": round(inference, 1),
            "own": round(own, 1),
            "rows_a_batch": batch,
        },
    }
    met = {"errors = 0": result["errors"] == 0, f"own CPU <= {OWN_CPU_BAR_US} us": own <= 15.0}
    for name, bar in (
        ("mlflow as installed", AS_INSTALLED_BAR),
        ("mlflow at its best", BEST_BAR),
    ):
        if name in median:
            ratio = median["retread"] / median[name]
            result[f"times {name}"] = round(ratio, 1)
            met[f">= {bar:.0f}x {name}"] = ratio >= bar
    result["bars"] = met
    print(json.dumps(result, indent=2))
    return 0 if all(met.values()) else 1


def _batch_size(metrics: str) -> float:
    values = {
        line.split("{")[0].split()[0]: float(line.split()[-1])
        for line in metrics.splitlines()
        if line.startswith(("retread_requests_total{", "retread_batches_total{"))
    }
    return values["retread_requests_total"] / values["retread_batches_total"]


def _inference_us(model: bytes, batch: int, repeats: int = 3000) -> float:
    """CPU time of ONNX Runtime for one row, in batches of the server's size."""
    session = OnnxModel(model, SIGNATURE)
    rows = {"features": np.array([ROW] * batch, dtype=np.float32)}
    for _ in range(repeats // 10):
        session.run(rows)
    start = time.process_time()
    for _ in range(repeats):
        session.run(rows)
    return (time.process_time() - start) / repeats / batch * 1e6


def _line(run: Measured) -> str:
    return (
        f"{run.requests_per_s:9,.0f} requests/s  {run.cpu_us:7.1f} us CPU  "
        f"p50 {run.p50_ms:6.2f} p99 {run.p99_ms:7.2f} ms  {run.memory_mb:4.0f} MB  "
        f"first answer {run.start_s:.2f} s  errors {run.errors}"
    )


if __name__ == "__main__":
    sys.exit(main())
