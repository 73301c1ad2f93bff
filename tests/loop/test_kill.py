"""`kill -9` of the real loop between its steps does not change how a retraining ends."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from sklearn.datasets import load_iris

from retread.app.datasets import add_data, add_request
from retread.app.triggers import request_retraining
from retread.app.workspace import Workspace
from retread.loop import Outbox, TriggerOptions, fold_history
from retread.loop.outbox import MessageState
from retread.project import open_project
from retread.registry import Stage, fold
from retread.registry.events import Slot, TriggerDecided, TriggerReceived
from retread.serving import Answer, PredictionRecord

KILLS = 5
# Training two forests takes seconds on an idle machine, and minutes on one that is overloaded.
PATIENCE_S = 90.0
MILESTONES = (
    "RetrainingStarted",
    "VersionRegistered",
    "GateJudged",
    "VersionStaged",
    "CanaryStarted",
    "CanaryJudged",
)
SETTINGS = """
[project]
name = "iris"
[data]
dataset = "iris"
source = "iris.csv"
labels = "species"
[recipe]
kind = "tabular-classification"
[early_stopping]
min_loss = 1.0
[training]
scenario = "both"
[training.scenarios.both]
runs = [{ model_type = "random_forest" }, { model_type = "gradient_boosting" }]
[gate]
margin = 0.5
[canary]
min_requests = 20
min_labels = 20
[monitoring]
interval_s = 0.2
"""


class WebhookServer:
    """Receives webhooks on loopback; `arrived` counts the messages per key."""

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.arrived[msgspec.json.decode(body)["message"]["key"]] += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/hook"

    @contextmanager
    def listening(self) -> Iterator[WebhookServer]:
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


class Traffic:
    """Records labelled requests to a canary, while there is one; both models agree."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stop = threading.Event()
        self._count = 0

    @contextmanager
    def flowing(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            state = fold(self._workspace.ledger.read())
            canary = state.slots.get(Slot.CANARY)
            if canary and canary.version and canary.bundle and state.production:
                self._answer(canary.version, canary.bundle, state.production)

    def _answer(self, canary: int, bundle: str, production: int) -> None:
        records = []
        for _ in range(100):
            self._count += 1
            records.append(
                PredictionRecord(
                    id=f"req-{self._count}",
                    at=time.time(),
                    key="",
                    status=200,
                    answer=_answer(Slot.CANARY, canary, bundle),
                    paired=_answer(Slot.PRODUCTION, production, "sha256:0"),
                )
            )
        self._workspace.traffic.append(records)
        self._workspace.labels.put([(record.id, "setosa") for record in records], time.time())


def _answer(slot: Slot, version: int, bundle: str) -> Answer:
    return Answer(
        slot=slot, version=version, bundle=bundle, outputs=(0.9, 0.05, 0.05), latency_ms=1.0
    )


class LoopProcess:
    """`python -m retread.app.run_loop`, as the supervisor starts it."""

    def __init__(self, root: Path, hook: str) -> None:
        self._root = root
        self._log = root / "loop.log"
        self._environment = {**os.environ, "RETREAD_WEBHOOK": hook}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "retread.app.run_loop", "--project", str(self._root)]
        before = self._ready()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
        deadline = time.monotonic() + 60
        while self._ready() == before:
            ended = self._process.poll() is not None or time.monotonic() > deadline
            assert not ended, self._log.read_text()
            time.sleep(0.02)

    @contextmanager
    def running(self) -> Iterator[LoopProcess]:
        """Start the loop, and leave no process behind if the test fails."""
        self.start()
        try:
            yield self
        finally:
            if self._process is not None and self._process.poll() is None:
                self.end(signal.SIGKILL)

    def end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(30)

    def _ready(self) -> int:
        return self._log.read_bytes().splitlines().count(b"ready") if self._log.exists() else 0


def footprint(workspace: Workspace, trigger: str) -> dict[str, object]:
    """Return everything that one retraining left, without its numbers."""
    entries = workspace.ledger.read()
    state = fold(entries)
    mine = [v for v in state.versions.values() if v.cause.trigger == trigger]
    outbox = Outbox(workspace.database, workspace.clock, [])
    messages = [key for s in MessageState for key, _ in outbox.keys(s) if key.startswith(trigger)]
    numbers = {version.version for version in mine}
    events = Counter(
        type(entry.event).__name__
        for entry in entries
        if getattr(entry.event, "trigger", "") == trigger
        or (getattr(entry.event, "version", 0) in numbers and not _repeatable(entry.event))
    )
    with sqlite3.connect(workspace.project.home / "mlflow.db") as connection:
        runs = connection.execute(
            "select count(*) from tags where value like ?", (f"%{trigger}%",)
        ).fetchone()
    return {
        "versions": [(v.model_type, v.stage) for v in mine],
        "slots": sorted((slot, held.version in numbers) for slot, held in state.slots.items()),
        "messages": sorted(key.removeprefix(trigger) for key in messages),
        "events": events,
        "runs": runs,
        "data": len(workspace.datasets.versions("iris")),
    }


def _repeatable(event: object) -> bool:
    """A slot may be assigned the same version again, under a later generation."""
    return type(event).__name__ in {"SlotAssigned", "SlotCleared"}


def milestones(workspace: Workspace, trigger: str) -> list[str]:
    """Return the types of the events from the arbiter's decision to the end of the canary."""
    entries = workspace.ledger.read()
    decided = next(
        entry.sequence
        for entry in entries
        if isinstance(entry.event, TriggerDecided) and entry.event.trigger == trigger
    )
    kinds = [type(entry.event).__name__ for entry in entries[decided:]]
    return [kind for kind in kinds if kind in MILESTONES]


def kill_when_reached(
    workspace: Workspace, loop: LoopProcess, trigger: str, milestone: int
) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(milestones(workspace, trigger)) < milestone:
        assert time.monotonic() < deadline, (workspace.project.root / "loop.log").read_text()
        time.sleep(0.005)
    loop.end(signal.SIGKILL)
    assert is_open(workspace, trigger), "the kill was not too late"
    loop.start()


def is_open(workspace: Workspace, trigger: str) -> bool:
    return any(r.open for r in fold_history(workspace.ledger.read()) if r.trigger == trigger)


def wait_until_ended(workspace: Workspace, trigger: str, seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while is_open(workspace, trigger):
        assert time.monotonic() < deadline, (workspace.project.root / "loop.log").read_text()
        time.sleep(0.1)


def runs_in_mlflow(workspace: Workspace) -> int:
    with sqlite3.connect(workspace.project.home / "mlflow.db") as connection:
        return int(connection.execute("select count(*) from runs").fetchone()[0])


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    iris = load_iris(as_frame=True)
    frame = iris.data.copy()
    frame["species"] = [iris.target_names[index] for index in iris.target]
    frame.to_csv(tmp_path / "iris.csv", index=False)
    (tmp_path / "retread.toml").write_text(SETTINGS)
    workspace = Workspace(open_project(tmp_path, {}))
    add_data(workspace, add_request(workspace, "iris"))
    yield workspace
    workspace.database.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_loop_ends_its_retraining_like_one_that_is_not(workspace: Workspace) -> None:
    webhook = WebhookServer()
    process = LoopProcess(workspace.project.root, webhook.address)
    with webhook.listening(), Traffic(workspace).flowing(), process.running() as loop:
        triggers, runs = [], [0]
        for _ in range(2):
            triggers.append(request_retraining(workspace, "manual", TriggerOptions()).trigger)
            wait_until_ended(workspace, triggers[-1])
            runs.append(runs_in_mlflow(workspace))

        # After the last milestone little is left to do, and the kill might come too late.
        reached = range(1, len(milestones(workspace, triggers[1])))
        trigger = request_retraining(workspace, "manual", TriggerOptions()).trigger
        for milestone in sorted(random.Random(17).sample(reached, KILLS)):
            kill_when_reached(workspace, loop, trigger, milestone)
        wait_until_ended(workspace, trigger)
        runs.append(runs_in_mlflow(workspace))
        outbox = Outbox(workspace.database, workspace.clock, [])
        deadline = time.monotonic() + 20
        while len(deployments(outbox)) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert loop.end(signal.SIGTERM) == 0

    calm, killed = footprint(workspace, triggers[1]), footprint(workspace, trigger)
    # The calm one was in production until the killed one replaced it.
    assert calm["versions"] == [(_type(calm), Stage.ARCHIVED)]
    assert killed["versions"] == [(_type(calm), Stage.PRODUCTION)]
    assert killed["slots"] == [(Slot.PRODUCTION, True)]
    for part in ("messages", "data", "runs"):
        assert killed[part] == calm[part]
    assert killed["events"] == _without(calm["events"], "VersionArchived")
    assert runs[3] - runs[2] == runs[2] - runs[1], "no run counted twice"
    _check_messages(webhook, outbox)


def _type(found: dict[str, object]) -> object:
    return found["versions"][0][0]  # type: ignore[index]  # a list of pairs


def _without(events: object, name: str) -> object:
    assert isinstance(events, Counter)
    return Counter({kind: count for kind, count in events.items() if kind != name})


def deployments(outbox: Outbox) -> list[str]:
    """Return the keys of the deployments that were announced, or may have been."""
    ended = (*outbox.keys(MessageState.SENT), *outbox.keys(MessageState.UNCONFIRMED))
    return [key for key, _ in ended if key.startswith("deployed/")]


def _check_messages(webhook: WebhookServer, outbox: Outbox) -> None:
    """Check that nothing arrived twice, and that what may not have arrived is unconfirmed."""
    counts = outbox.counts()
    assert (
        counts[MessageState.WAITING]
        == counts[MessageState.SENDING]
        == counts[MessageState.GIVEN_UP]
        == 0
    )
    sent, unconfirmed = (
        {key for key, _ in outbox.keys(state)}
        for state in (MessageState.SENT, MessageState.UNCONFIRMED)
    )
    assert sent <= webhook.arrived.keys() <= sent | unconfirmed
    assert set(webhook.arrived.values()) == {1}, webhook.arrived
    assert len(deployments(outbox)) == 3


def test_a_hundred_calls_are_one_retraining(workspace: Workspace) -> None:
    """The same webhook is delivered a hundred times; one trigger is accepted."""
    options = TriggerOptions(key="delivery-1")
    requests = [request_retraining(workspace, "manual", options) for _ in range(100)]

    assert [request.accepted for request in requests].count(True) == 1
    assert requests[0].accepted
    decisions = Counter(
        entry.event.decision
        for entry in workspace.ledger.read()
        if isinstance(entry.event, TriggerDecided)
    )
    assert decisions == {"accepted": 1, "duplicate": 99}
    assert {
        entry.event.key
        for entry in workspace.ledger.read()
        if isinstance(entry.event, TriggerReceived)
    } == {requests[0].key}
