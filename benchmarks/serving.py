"""Serving, compared with MLflow on this machine: one row of iris, 100 trees, wrk, 64 connections.

MLflow gets an environment of its own in .venv-peers/mlflow. It runs as installed (scikit-learn
flavor, one worker) and at its best (ONNX flavor, two workers, uvloop and httptools). Retread runs
with routing, limits, validation, metrics and the traffic log, and one worker: with its own
protocol, and with every request through plain ASGI, which shows what that protocol saves. Servers
alternate; medians count. The same run measures the CPU time per request that is the data plane's
own: beyond HTTP parsing (a bare httptools server that sends the same response) and ONNX Runtime
(the same rows, in batches of the server's size). The exit code is 1 if a target is missed.

With `--against REV`, this checkout is compared with another commit instead, side by side, in the
same environment.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
INFER = "/v2/models/iris/infer"

TIMES_AS_INSTALLED = 30.0
TIMES_AT_ITS_BEST = 5.0
OWN_CPU_US = 15.0
RATIO_AGAINST = 0.9

Runs = Mapping[str, list[Measured]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, help="Default: 3, or 5 with --against.")
    parser.add_argument("--seconds", type=int, default=5, help="Duration of each measurement.")
    parser.add_argument("--no-peers", action="store_true", help="Do not run MLflow.")
    parser.add_argument("--against", metavar="REV", help="A commit to compare this checkout with.")
    options = parser.parse_args()
    check_wrk()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        model = forest_onnx()
        if options.against:
            with checkout(options.against, work / "checkout") as tree:
                contenders = {
                    "this checkout": retread(work, model, "this"),
                    options.against: retread(work, model, "other", tree=tree),
                }
                return judge_against(run(contenders, options.rounds or 5, options.seconds))
        contenders = {
            "retread": retread(work, model, "retread"),
            "retread, plain ASGI": retread(work, model, "asgi", "--plain-asgi"),
            "bare": bare(work),
        }
        if not options.no_peers:
            contenders |= mlflow(work, model)
        return judge(run(contenders, options.rounds or 3, options.seconds), model)


def run(contenders: Mapping[str, Contender], rounds: int, seconds: int) -> Runs:
    """Measure all contenders in turn, `rounds` times."""
    runs: dict[str, list[Measured]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, contender in contenders.items():
            runs[name].append(measure(contender, seconds))
            print(f"round {number + 1}: {name:22} {_line(runs[name][-1])}", flush=True)
    return runs


@contextmanager
def checkout(revision: str, folder: Path) -> Iterator[Path]:
    """Yield a git worktree of a commit."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def retread(work: Path, model: bytes, name: str, *arguments: str, tree: Path = ROOT) -> Contender:
    """Make a project with the forest in production, and the server of the checkout `tree`."""
    folder = work / name
    folder.mkdir()
    (folder / "retread.toml").write_text('[project]\nname = "iris"\n')
    project = open_project(folder, {})
    digest = store_forest(LocalBundleStore(project.bundles), model)
    database = Database(project.database_url)
    database.create_tables()
    event = SlotAssigned(slot=Slot.PRODUCTION, version=1, bundle=digest, generation=1)
    SqlLedger(database, SystemClock()).append(event)
    database.close()
    tensor = {"name": "features", "shape": [1, 4], "datatype": "FP32", "data": list(ROW)}
    server = [sys.executable, "-m", "retread.serving", "--project", str(folder)]
    return Contender(
        name,
        [*server, "--port", "PORT", *arguments],
        INFER,
        _body(work, "v2.json", {"inputs": [tensor]}),
        {"PYTHONPATH": str(tree / "src")},
    )


def bare(work: Path) -> Contender:
    """Make the server that parses HTTP and sends one fixed response."""
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
    response = work / "response"
    response.write_bytes(head.encode() + body)
    script = str(Path(__file__).parent / "bare.py")
    return Contender(
        "bare", [sys.executable, script, "PORT", str(response)], INFER, work / "v2.json", {}
    )


def mlflow(work: Path, model: bytes) -> dict[str, Contender]:
    """Make MLflow's servers of the same forest."""
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


def judge_against(runs: Runs) -> int:
    """Print the ratio of this checkout to the other commit; return the exit code."""
    new, old = runs.values()
    ratio = _median(new, "requests_per_s") / _median(old, "requests_per_s")
    met = {
        f"ratio >= {RATIO_AGAINST}": ratio >= RATIO_AGAINST,
        "errors = 0": sum(one.errors for one in new) == 0,
    }
    result = {
        "requests_per_s": {n: round(_median(r, "requests_per_s")) for n, r in runs.items()},
        "cpu_us": {name: round(_median(r, "cpu_us"), 1) for name, r in runs.items()},
        "p99_ms": {name: _median(r, "p99_ms") for name, r in runs.items()},
        "ratio of requests_per_s": round(ratio, 3),
        "ratio of cpu_us": round(_median(new, "cpu_us") / _median(old, "cpu_us"), 3),
        "targets": met,
    }
    print(json.dumps(result, indent=2))
    return 0 if all(met.values()) else 1


def judge(runs: Runs, model: bytes) -> int:
    """Print the medians and whether the targets are met; return the exit code."""
    ours = runs["retread"]
    rate = {name: _median(found, "requests_per_s") for name, found in runs.items()}
    batch = max(1, round(statistics.median(_batch_size(one.metrics) for one in ours)))
    inference = _inference_us(model, batch)
    http = _median(runs["bare"], "cpu_us")
    server = _median(ours, "cpu_us")
    own = server - http - inference
    result: dict[str, object] = {
        "requests_per_s": {name: round(value) for name, value in rate.items()},
        "p99_ms": {n: _median(found, "p99_ms") for n, found in runs.items()},
        "memory_mb": {n: round(_median(found, "memory_mb")) for n, found in runs.items()},
        "first_response_s": {n: round(_median(found, "start_s"), 2) for n, found in runs.items()},
        "errors": sum(one.errors for one in ours),
        "cpu_us": {
            "server": round(server, 1),
            "server, plain ASGI": round(_median(runs["retread, plain ASGI"], "cpu_us"), 1),
            "http": round(http, 1),
            "onnxruntime": round(inference, 1),
            "own": round(own, 1),
            "rows_per_batch": batch,
        },
        "times plain ASGI": round(rate["retread"] / rate["retread, plain ASGI"], 1),
    }
    met = {"errors = 0": result["errors"] == 0, f"own CPU <= {OWN_CPU_US} us": own <= OWN_CPU_US}
    for name, target in (
        ("mlflow as installed", TIMES_AS_INSTALLED),
        ("mlflow at its best", TIMES_AT_ITS_BEST),
    ):
        if name in rate:
            ratio = rate["retread"] / rate[name]
            result[f"times {name}"] = round(ratio, 1)
            met[f">= {target:.0f} times {name}"] = ratio >= target
    result["targets"] = met
    print(json.dumps(result, indent=2))
    return 0 if all(met.values()) else 1


def _install_mlflow() -> None:
    """Install MLflow once, and uvloop in another folder, because MLflow itself has none."""
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


def _median(runs: list[Measured], field: str) -> float:
    values: list[float] = [getattr(one, field) for one in runs]
    return statistics.median(values)


def _batch_size(metrics: str) -> float:
    values = {
        line.split("{")[0].split()[0]: float(line.split()[-1])
        for line in metrics.splitlines()
        if line.startswith(("retread_requests_total{", "retread_batches_total{"))
    }
    return values["retread_requests_total"] / values["retread_batches_total"]


def _inference_us(model: bytes, batch: int, repeats: int = 3000) -> float:
    """Measure the CPU time of ONNX Runtime per row, in batches of the server's size."""
    session = OnnxModel(model, SIGNATURE)
    rows = {"features": np.array([ROW] * batch, dtype=np.float32)}
    for _ in range(repeats // 10):
        session.run(rows)
    start = time.process_time()
    for _ in range(repeats):
        session.run(rows)
    return (time.process_time() - start) / repeats / batch * 1e6


def _line(one: Measured) -> str:
    return (
        f"{one.requests_per_s:9,.0f} requests/s  {one.cpu_us:7.1f} us CPU  "
        f"p50 {one.p50_ms:6.2f} p99 {one.p99_ms:7.2f} ms  {one.memory_mb:4.0f} MB  "
        f"first response {one.start_s:.2f} s  errors {one.errors}"
    )


if __name__ == "__main__":
    sys.exit(main())
