"""Measuring a server under the load of wrk: start it, warm it up, measure, stop it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

HERE = Path(__file__).parent
CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Contender:
    """A server to measure.

    Attributes:
        name: Its name in messages.
        command: What starts it; PORT stands for its port.
        path: Path that is requested.
        body: File with the request body.
        environment: Further environment variables.
    """

    name: str
    command: Sequence[str]
    path: str
    body: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement; `cpu_us` is the CPU time of all the server's processes per request."""

    requests_per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    errors: int
    memory_mb: float
    start_s: float
    metrics: str


def check_wrk() -> None:
    if shutil.which("wrk") is None:
        sys.exit("This benchmark needs wrk; on Debian: apt-get install wrk")


def measure(contender: Contender, seconds: int) -> Measured:
    """Start the server, load it with 64 connections for `seconds`, and stop it."""
    port = _free_port()
    command = [part.replace("PORT", str(port)) for part in contender.command]
    url = f"http://127.0.0.1:{port}{contender.path}"
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **contender.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for_response(process, url, contender)
        started = time.perf_counter() - began
        _wrk(url, contender.body, 2)
        before = _cpu_seconds(process.pid)
        found = _wrk(url, contender.body, seconds)
        cpu = _cpu_seconds(process.pid) - before
        return Measured(
            requests_per_s=found["requests"] / found["seconds"],
            cpu_us=cpu / found["requests"] * 1e6,
            p50_ms=found["p50_ms"],
            p99_ms=found["p99_ms"],
            errors=int(found["errors"]),
            memory_mb=_memory_mb(process.pid),
            start_s=started,
            metrics=_metrics(port),
        )
    finally:
        _end(process)


def _wait_for_response(process: subprocess.Popen[bytes], url: str, contender: Contender) -> None:
    deadline = time.monotonic() + 120
    headers = {"content-type": "application/json"}
    while time.monotonic() < deadline and process.poll() is None:
        try:
            content = contender.body.read_bytes()
            response = httpx.post(
                url, content=content, headers=headers, timeout=10, trust_env=False
            )
            if response.status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise RuntimeError(f"{contender.name} does not respond: {' '.join(contender.command)}")


def _wrk(url: str, body: Path, seconds: int) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
    done = subprocess.run(
        [*command, "-s", str(HERE / "post.lua"), url],
        env={**os.environ, "BODY": str(body)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.split("@@")[1])
    return found


def _cpu_seconds(pid: int) -> float:
    times = [one.cpu_times() for one in _tree(pid)]
    return sum(t.user + t.system for t in times)


def _memory_mb(pid: int) -> float:
    return sum(one.memory_info().rss for one in _tree(pid)) / 1e6


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _metrics(port: int) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5, trust_env=False).text
    except httpx.HTTPError:
        return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    group = os.getpgid(process.pid)
    os.killpg(group, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(group, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
