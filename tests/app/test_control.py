"""The control API and the status page, by a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
import uvicorn
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Route

from retread.app import Workspace
from retread.app.canary import CanaryProgress
from retread.app.control import Control, Links, control_app
from retread.app.control.__main__ import control_of
from retread.app.overview import FailedPart, LedgerView, LiveState, UndeliveredMessage
from retread.app.overview.live import NotifierState, Pace, Quality, StandingAlarm
from retread.app.supervisor import ServiceState, ServiceStatus
from retread.app.triggers import TriggerResponse
from retread.bundle import CauseKind
from retread.core import (
    CheckResult,
    Conflict,
    Database,
    ManualClock,
    Outcome,
    Unavailable,
    combine,
)
from retread.loop import MessageState
from retread.project import LoadedProject, open_project
from retread.project.describe import ChangedSetting
from retread.registry.events import Event
from retread.registry.sql_ledger import SqlLedger

Events = tuple[Event, ...]
MARKUP = "<script>alert"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCEPTED = TriggerResponse(trigger="trg_1", key="k", decision="accepted", reason="In budget.")


LIVE = LiveState(
    services=(
        ServiceStatus(name="loop", state=ServiceState.READY, address=None, pid=1, since=NOW),
        ServiceStatus(
            name="tracking",
            state=ServiceState.READY,
            address="http://127.0.0.1:5000",
            pid=2,
            since=NOW,
            missed_probes=2,
        ),
    ),
    failed=(FailedPart(part="The monitor", problem=f"KeyError: '{MARKUP}'", since=NOW),),
    quality=Quality(
        version=1,
        requests=12_345,
        windows=123,
        labels=60,
        metric="Accuracy",
        expected=0.9,
        observed=0.7,
    ),
    standing=(StandingAlarm(kind="drift", text=f"Drift in {MARKUP} (effect 0.80)."),),
    canary=CanaryProgress(
        version=2,
        production=1,
        step=1,
        steps=3,
        share=0.1,
        verdict=combine(
            [CheckResult(check="requests", outcome=Outcome.INCONCLUSIVE, reason="7 of 50")]
        ),
    ),
    pace=Pace(cooldown_until=NOW, spent=3, budget=10),
    notifiers=(NotifierState(name="slack", setup="no address", messages={"waiting": 2}),),
    not_in_use=(ChangedSetting(key="gate.threshold", in_use=0.6, now=0.9),),
)


class Arbiter:
    """Stands in for the arbiter; `refusal` is raised instead of a response."""

    def __init__(self) -> None:
        self.requested: list[tuple[CauseKind, str]] = []
        self.refusal: Exception | None = None

    def __call__(self, kind: CauseKind, message: str) -> TriggerResponse:
        if self.refusal:
            raise self.refusal
        self.requested.append((kind, message))
        return ACCEPTED


@pytest.fixture
def ledger(tmp_path: Path) -> SqlLedger:
    database = Database(f"sqlite:///{tmp_path}/retread.db")
    database.create_tables()
    return SqlLedger(database, ManualClock(NOW))


@pytest.fixture
def arbiter() -> Arbiter:
    return Arbiter()


@pytest.fixture
def application(ledger: SqlLedger, arbiter: Arbiter) -> Starlette:
    links = Links(tracking="http://127.0.0.1:5000", serving="http://127.0.0.1:5001")
    lost = UndeliveredMessage(key="trg_1/gate", notifier="slack", state=MessageState.UNCONFIRMED)
    control = Control(
        "tires",
        LedgerView(ledger),
        lambda: (lost,),
        lambda _: LIVE,
        arbiter,
        links,
        ManualClock(NOW),
    )
    return control_app(control)


@pytest.fixture
def client(application: Starlette) -> Iterator[httpx.Client]:
    with serving(application) as client:
        yield client


@contextmanager
def serving(application: Starlette) -> Iterator[httpx.Client]:
    """Run a real server of the application, and yield a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(application, log_level="critical", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(10)


def error_of(answer: httpx.Response) -> str:
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint"}
    return str(body["error"]["code"])


def test_the_routes_answer_from_the_ledger(
    client: httpx.Client, ledger: SqlLedger, first_model: Events, degrades: Events
) -> None:
    ledger.append(*first_model, *degrades)
    status = client.get("/api/status").json()
    assert status["model"] == "tires"
    assert [one["phase"] for one in status["retrainings"]] == ["canary"]
    assert [one["state"] for one in status["messages"]] == ["unconfirmed"]
    versions = client.get("/api/versions").json()["versions"]
    assert [v["version"] for v in versions] == [2, 1]
    history = client.get("/api/history", params={"limit": 2}).json()["history"]
    assert [entry["event"] for entry in history] == ["SlotAssigned", "CanaryStarted"]
    alarms = client.get("/api/alarms").json()["alarms"]
    assert [alarm["kind"] for alarm in alarms] == ["degradation", "drift"]
    (trigger,) = client.get("/api/triggers").json()["triggers"]
    assert (trigger["trigger"], trigger["decision"]) == ("trigger_1", "accepted")


def test_a_trigger_goes_to_the_arbiter(client: httpx.Client, arbiter: Arbiter) -> None:
    answer = client.post("/api/triggers", json={"kind": "commit", "message": "model: cnn"})
    assert answer.status_code == 202
    assert answer.json() == msgspec.to_builtins(ACCEPTED)
    assert arbiter.requested == [(CauseKind.COMMIT, "model: cnn")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"kind": "explode"}',
        b'{"kind": 3}',
        b'{"surprise": 1}',
        b"\xff",
        b'{"message": "\xff"}',
        b"[" * 60_000,
    ],
    ids=[
        "empty",
        "truncated",
        "array",
        "unknown kind",
        "number as kind",
        "unknown field",
        "not UTF-8",
        "text not in UTF-8",
        "nested",
    ],
)
def test_a_body_that_is_not_a_trigger_is_refused(
    client: httpx.Client, arbiter: Arbiter, body: bytes
) -> None:
    answer = client.post(
        "/api/triggers", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, error_of(answer)) == (400, "invalid_input")
    assert arbiter.requested == []


def test_a_trigger_that_is_not_accepted_is_a_conflict(project: LoadedProject) -> None:
    toml = project.root / "retread.toml"
    toml.write_text(toml.read_text() + '[triggers]\nkinds = ["manual"]\n')
    workspace = Workspace(open_project(project.root, {}))
    with serving(control_app(control_of(workspace))) as client:
        answer = client.post("/api/triggers", json={"kind": "manual"})
        assert (answer.status_code, answer.json()["decision"]) == (202, "accepted")
        answer = client.post("/api/triggers", json={"kind": "commit", "message": "model: cnn"})
        assert (answer.status_code, error_of(answer)) == (409, "refused")
        assert "refused: " in answer.json()["error"]["message"]
        kinds = [one["decision"] for one in client.get("/api/triggers").json()["triggers"]]
        assert kinds == ["refused", "accepted"]
    workspace.database.close()


def test_large_and_chunked_bodies_are_refused_unread(client: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post("/api/triggers", content=b"x" * 70_000, headers=headers)
    assert (answer.status_code, error_of(answer)) == (413, "request_entity_too_large")
    answer = client.post("/api/triggers", content=iter([b"{}"]), headers=headers)
    assert answer.status_code == 413


def test_a_form_cannot_request_a_retraining(client: httpx.Client, arbiter: Arbiter) -> None:
    answer = client.post("/api/triggers", data={"kind": "manual"})
    assert (answer.status_code, error_of(answer)) == (415, "unsupported_media_type")
    assert arbiter.requested == []


def test_errors_keep_their_meaning(client: httpx.Client, arbiter: Arbiter) -> None:
    arbiter.refusal = Conflict("Someone else was faster.")
    assert client.post("/api/triggers", json={}).status_code == 409
    arbiter.refusal = Unavailable("The database does not respond.", "Wait.")
    answer = client.post("/api/triggers", json={})
    assert (answer.status_code, error_of(answer)) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    arbiter.refusal = ZeroDivisionError("secret")
    answer = client.post("/api/triggers", json={})
    assert (answer.status_code, error_of(answer)) == (500, "failed")
    assert "retry-after" not in answer.headers
    assert "secret" not in answer.text


@pytest.mark.parametrize("limit", ["0", "-1", "x", "10001", "9" * 40, "²"])
def test_a_wrong_limit_is_refused(client: httpx.Client, limit: str) -> None:
    answer = client.get("/api/history", params={"limit": limit})
    assert (answer.status_code, error_of(answer)) == (400, "invalid_input")


def test_unknown_paths_and_methods(client: httpx.Client) -> None:
    assert error_of(client.get("/api/nothing")) == "not_found"
    assert error_of(client.delete("/api/triggers")) == "method_not_allowed"
    assert client.get("/style.css/../../page.py").status_code == 404


FOREIGN = [
    {"host": "evil.example"},
    {"host": "evil.example:5002"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "localhost:x"},
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},
    {"origin": "https://127.0.0.1:5002"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


def test_no_route_responds_to_a_foreign_page(
    application: Starlette, client: httpx.Client, arbiter: Arbiter
) -> None:
    routes = [route for route in application.routes if isinstance(route, Route)]
    methods = [(r.path, m) for r in routes for m in r.methods or ()]
    assert ("/api/triggers", "POST") in methods
    for path, method in [*methods, ("/nothing", "GET"), ("/api/status", "OPTIONS")]:
        for headers in FOREIGN:
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == 403, (method, path, headers)
            assert not any(name.startswith("access-control") for name in answer.headers)
    assert arbiter.requested == []


LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_in_a_message_opens_the_page(client: httpx.Client, site: str) -> None:
    answer = client.get("/", headers={**LINK, "sec-fetch-site": site})
    assert answer.status_code == 200
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "change"),
    [
        ("GET", "/api/status", {}),
        ("POST", "/api/triggers", {}),
        ("POST", "/", {}),
        ("GET", "/", {"sec-fetch-dest": "iframe"}),
        ("GET", "/", {"sec-fetch-mode": "no-cors"}),
        ("GET", "/", {"host": "evil.example"}),
        ("GET", "/", {"origin": "http://evil.example"}),
    ],
    ids=["API", "trigger", "POST", "frame", "no navigation", "foreign host", "foreign origin"],
)
def test_a_link_opens_only_the_page(
    client: httpx.Client, method: str, path: str, change: dict[str, str]
) -> None:
    assert client.request(method, path, headers={**LINK, **change}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:5002", "127.0.0.1", "[::1]:5002", "LOCALHOST:5002"])
def test_requests_of_this_machine_are_allowed(client: httpx.Client, host: str) -> None:
    headers = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert client.get("/api/status", headers=headers).status_code == 200


def test_the_page_shows_the_overview_and_escapes_it(
    client: httpx.Client, ledger: SqlLedger, first_model: Events, degrades: Events
) -> None:
    assert "No version was judged yet" in client.get("/").text
    ledger.append(*first_model, *degrades)
    answer = client.get("/")
    assert MARKUP not in answer.text
    assert "&lt;script&gt;" in answer.text
    lost = "trg_1/gate to slack may have been delivered; it will not be sent again"
    for text in ("v1", "10% of traffic", "0.41 is under 0.6", "http://127.0.0.1:5000", lost):
        assert text in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.text.count("<script") == answer.text.count('<script src="/live.js" defer>') == 1
    assert "http-equiv" not in answer.text
    assert "style=" not in answer.text


def test_u08_the_page_and_the_api_show_what_stands_now(client: httpx.Client) -> None:
    page = client.get("/").text
    for text in (
        "<strong>The monitor</strong>: KeyError: &#39;&lt;script&gt;alert",
        "12,345 requests",
        "0.7",
        "0.9 expected, by its evaluation",
        "Drift in &lt;script&gt;alert (effect 0.80).",
        "Canary · v2 against v1",
        "7 of 50",
        "Cooldown until 2026-01-01 00:00:00 UTC",
        "3 of 10 retrainings",
        "no address",
        "gate.threshold = 0.9 is not in use until",
        "tracking",
    ):
        assert text in page, text
    assert MARKUP not in page
    live = client.get("/api/status").json()["live"]
    assert live["quality"]["observed"] == 0.7
    assert [one["part"] for one in live["failed"]] == ["The monitor"]
    assert [one["kind"] for one in live["standing"]] == ["drift"]


def test_u01_metrics_name_the_parts_that_failed(client: httpx.Client) -> None:
    families = {
        sample.name: sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.labels["model"] == "tires" and sample.labels.get("part", "The monitor")
        if sample.labels.get("service", "tracking") == "tracking"
        if sample.labels.get("kind", "drift") == "drift"
        if sample.labels.get("value", "observed") == "observed"
    }
    assert families["retread_part_failed"] == families["retread_parts_failed"] == 1
    assert families["retread_service_ready"] == 0
    assert families["retread_alarm_stands"] == 1
    assert families["retread_quality"] == 0.7
    assert families["retread_notifications"] == 2


def test_u01_a_damaged_bundle_is_a_failed_part_and_the_page_is_shown(
    project: LoadedProject, first_model: Events
) -> None:
    workspace = Workspace(project)
    workspace.ledger.append(*first_model)  # its bundle does not exist
    with serving(control_app(control_of(workspace))) as client:
        failed = client.get("/api/status").json()["live"]["failed"]
        assert [one["part"] for one in failed] == ["The monitor"]
        page = client.get("/")
        assert page.status_code == 200
        assert "v1" in page.text
        assert "The monitor" in page.text
    workspace.database.close()
