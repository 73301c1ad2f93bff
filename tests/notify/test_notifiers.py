"""Notifiers, tested against an HTTP server on loopback in place of Slack."""

from __future__ import annotations

import dataclasses
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from retread.core import InvalidInput, NotFound
from retread.notify import (
    Link,
    Message,
    Severity,
    Unconfirmed,
    Undelivered,
    configured_notifiers,
    notifier_setups,
    notifiers,
    slack_payload,
)
from retread.notify.notifiers.slack import SlackNotifier, escaped
from retread.project import LoadedProject, Settings

SECRET = "T0000/B0000/s3cr3t"
MESSAGE = Message(
    title="tires: version 4 is in production",
    severity=Severity.SUCCESS,
    lines=("Why: light drifted.",),
    fields={"Accuracy": "0.91"},
    links=(Link(label="Status", url="http://127.0.0.1:5002"),),
)


@dataclass
class Receiver:
    """Responds with `status` and records the requests."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    bodies: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/{SECRET}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            received.paths.append(self.path)
            received.bodies.append(
                msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(received.status)
            for name, value in received.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield received
        server.shutdown()
        thread.join()


@pytest.fixture
def project(tmp_path: Path) -> LoadedProject:
    settings = Settings.model_validate({"project": {"name": "tires"}})
    return LoadedProject(root=tmp_path, home=tmp_path, settings=settings)


def test_slack_receives_headline_and_details(receiver: Receiver, project: LoadedProject) -> None:
    built = configured_notifiers(project, {"RETREAD_SLACK_WEBHOOK": receiver.address})
    assert set(built) == {"slack"}
    built["slack"].send(MESSAGE)

    assert receiver.paths == [f"/services/{SECRET}"]
    (body,) = receiver.bodies
    assert body["text"] == ":white_check_mark: tires: version 4 is in production"
    (attachment,) = body["attachments"]
    kinds = [block["type"] for block in attachment["blocks"]]
    assert kinds == ["section", "section", "context"]
    assert attachment["blocks"][2]["elements"][0]["text"] == "<http://127.0.0.1:5002|Status>"


def test_a_webhook_receives_the_whole_message(receiver: Receiver, project: LoadedProject) -> None:
    built = configured_notifiers(project, {"RETREAD_WEBHOOK": receiver.address})
    built["webhook"].send(MESSAGE)
    (body,) = receiver.bodies
    assert body["project"] == "tires"
    assert msgspec.convert(body["message"], Message) == MESSAGE


def test_markup_in_values_is_escaped() -> None:
    """A label named <!channel> must not notify a whole channel."""
    payload = slack_payload(
        Message(title="<!channel>", lines=("<@U1> & <http://x|y>",), fields={"<!here>": "<!here>"})
    )
    text = msgspec.json.encode(payload).decode()
    assert "<" not in text
    assert "&lt;!channel&gt;" in text


@pytest.mark.parametrize("text", ["x" * 10_000, "<" * 10_000, "&" * 2_950])
def test_no_text_is_too_long_for_slack(text: str) -> None:
    assert len(escaped(text, 2900)) <= 2900


def test_the_address_can_be_read_from_a_file(receiver: Receiver, project: LoadedProject) -> None:
    settings = Settings.model_validate({"notify": {"slack": {"webhook_file": "hook"}}})
    project = LoadedProject(root=project.root, home=project.home, settings=settings)
    with pytest.raises(NotFound, match="webhook_file"):
        configured_notifiers(project, {})
    (project.root / "hook").write_text(f"{receiver.address}\n")
    configured_notifiers(project, {})["slack"].send(MESSAGE)
    assert receiver.paths == [f"/services/{SECRET}"]


def test_disabled_and_unconfigured_notifiers_are_left_out(
    receiver: Receiver, project: LoadedProject
) -> None:
    assert configured_notifiers(project, {}) == {}
    settings = Settings.model_validate({"notify": {"slack": {"enabled": False}}})
    off = LoadedProject(root=project.root, home=project.home, settings=settings)
    assert configured_notifiers(off, {"RETREAD_SLACK_WEBHOOK": receiver.address}) == {}


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(500, False), (503, False), (429, False), (302, True), (404, True), (410, True)],
)
def test_an_unsuccessful_status_means_undelivered(
    receiver: Receiver, project: LoadedProject, status: int, permanent: bool
) -> None:
    receiver.status = status
    receiver.headers = {
        "Location": f"http://127.0.0.1:{receiver.port}/elsewhere",
        "Retry-After": "30",
    }
    slack = configured_notifiers(project, {"RETREAD_SLACK_WEBHOOK": receiver.address})["slack"]
    with pytest.raises(Undelivered) as caught:
        slack.send(MESSAGE)
    assert (caught.value.permanent, caught.value.retry_after) == (permanent, 30.0)
    assert receiver.paths == [f"/services/{SECRET}"], "a redirect was followed"


def test_an_unreachable_webhook_means_undelivered(
    receiver: Receiver, project: LoadedProject
) -> None:
    address = "http://127.0.0.1:9/services"
    slack = configured_notifiers(project, {"RETREAD_SLACK_WEBHOOK": address})["slack"]
    with pytest.raises(Undelivered) as caught:
        slack.send(MESSAGE)
    assert not caught.value.permanent


@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_request_without_response_is_unconfirmed(project: LoadedProject, hangs_up: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = threading.Event()
        thread = threading.Thread(target=_swallow, args=(server, gone, hangs_up))
        thread.start()
        slack = SlackNotifier(f"http://127.0.0.1:{server.getsockname()[1]}/hook", timeout_s=0.3)
        with pytest.raises(Unconfirmed, match="did not respond"):
            slack.send(MESSAGE)
        gone.set()
        thread.join()


def _swallow(server: socket.socket, gone: threading.Event, hangs_up: bool) -> None:
    """Read a request to its end and send no response."""
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as request:
        length = 0
        while (line := request.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        request.read(length)
        if not hangs_up:
            gone.wait(20)


def test_the_address_appears_in_no_message(
    receiver: Receiver, project: LoadedProject, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever knows the address of a webhook can post to it."""
    caplog.set_level(logging.DEBUG)
    built = configured_notifiers(
        project, {"RETREAD_SLACK_WEBHOOK": receiver.address, "RETREAD_WEBHOOK": receiver.address}
    )
    receiver.status = 500
    texts = [repr(built)]
    for notifier in built.values():
        with pytest.raises(Undelivered) as caught:
            notifier.send(MESSAGE)
        texts += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    with pytest.raises(InvalidInput) as refused:
        configured_notifiers(project, {"RETREAD_WEBHOOK": f"ftp://host/{SECRET}"})
    texts += [str(refused.value), caplog.text]
    assert not any("s3cr3t" in text for text in texts)


@pytest.mark.parametrize("address", ["nonsense", "file:///etc/passwd", "https://", "http://a b/c"])
def test_an_invalid_address_is_refused(project: LoadedProject, address: str) -> None:
    with pytest.raises(InvalidInput, match="is not a valid webhook address"):
        configured_notifiers(project, {"RETREAD_SLACK_WEBHOOK": address})


def test_adding_a_notifier_is_adding_a_file(
    tmp_path: Path, project: LoadedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pager.py").write_text(
        "class Pager:\n"
        "    def __init__(self, number):\n"
        "        self.number, self.beeps = number, []\n"
        "    def send(self, message):\n"
        "        self.beeps.append(message.title)\n"
        "def build(project, environment):\n"
        "    number = environment.get('PAGER')\n"
        "    return Pager(number) if number else None\n"
    )
    monkeypatch.setattr(notifiers, "__path__", [*notifiers.__path__, str(tmp_path)])
    built: dict[str, Any] = dict(configured_notifiers(project, {"PAGER": "555"}))
    built["pager"].send(MESSAGE)
    assert built["pager"].beeps == [MESSAGE.title]


OWN_NOTIFIERS = """
class Printer:
    def __init__(self, environment):
        self.prefix = environment["PREFIX"]

    def send(self, message):
        print(self.prefix, message.title)

class Silent:
    def __init__(self, environment):
        pass

def without_arguments():
    return Silent({})

class WithoutMessage(Silent):
    def send(self):
        pass

class Async(Silent):
    async def send(self, message):
        pass

def ends_the_process(environment):
    raise SystemExit(1)
"""


def with_own(project: LoadedProject, *names: str) -> LoadedProject:
    notify = {"notify": {"extra_notifiers": names}}
    return dataclasses.replace(project, settings=Settings.model_validate(notify))


@pytest.fixture
def own_notifiers(own_module: Callable[[str, str], str]) -> None:
    own_module("own_notifiers", OWN_NOTIFIERS)


@pytest.mark.usefixtures("own_notifiers")
def test_a_notifier_of_ones_own(project: LoadedProject, capsys: pytest.CaptureFixture[str]) -> None:
    name = "own_notifiers:Printer"
    built = configured_notifiers(with_own(project, name), {"PREFIX": "Look:"})
    built[name].send(MESSAGE)
    assert capsys.readouterr().out == f"Look: {MESSAGE.title}\n"


@pytest.mark.usefixtures("own_notifiers")
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("own_notifiers:Silent", "it has no method send()"),
        ("own_notifiers:without_arguments", "it cannot be called with (environment)"),
        ("own_notifiers:OWN", "has no notifier 'OWN'"),
        ("own_notifiers:Printer", "cannot be created: KeyError: 'PREFIX'"),
        ("own_notifiers:ends_the_process", "cannot be created: SystemExit: 1"),
        ("own_notifiers:WithoutMessage", "send() cannot be called with (message)"),
        ("own_notifiers:Async", "send() is async, and would not be awaited"),
    ],
)
def test_a_notifier_that_does_not_fit_is_refused(
    project: LoadedProject, name: str, problem: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(problem)) as refused:
        configured_notifiers(with_own(project, name), {})
    assert "retread.notify.Notifier" in refused.value.hint
    assert "docs/extending.md" in refused.value.hint


def test_u12_slack_shows_when_and_by_whom() -> None:
    at = datetime(2026, 11, 28, 8, 15, 30, tzinfo=UTC)
    payload = slack_payload(msgspec.structs.replace(MESSAGE, at=at, author="<ann>"))
    (element,) = payload["attachments"][0]["blocks"][-1]["elements"]
    assert element["text"] == (
        f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time_secs}}|2026-11-28 08:15:30 UTC>"
        "  |  by &lt;ann&gt;  |  <http://127.0.0.1:5002|Status>"
    )


@pytest.mark.parametrize(
    ("enabled", "address", "setup"),
    [
        (True, "", "no address"),
        (True, "https://hooks.example/x", "configured"),
        (False, "https://hooks.example/x", "switched off"),
    ],
)
def test_u12_the_setup_of_slack_is_known(
    tmp_path: Path, enabled: bool, address: str, setup: str
) -> None:
    settings = Settings.model_validate({"notify": {"slack": {"enabled": enabled}}})
    project = LoadedProject(root=tmp_path, home=tmp_path, settings=settings)
    assert notifier_setups(project, {"RETREAD_SLACK_WEBHOOK": address}) == {"slack": setup}
