"""Notifiers against a real HTTP server on loopback, which stands in for Slack's host."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
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
    notifiers,
    slack_payload,
)
from retread.notify.notifiers.slack import SlackNotifier
from retread.notify.slack_format import escaped
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
class Host:
    """Answers with `status`, and keeps what it was sent."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    bodies: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/{SECRET}"


@pytest.fixture
def host() -> Iterator[Host]:
    found = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            found.paths.append(self.path)
            found.bodies.append(
                msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def project(tmp_path: Path) -> LoadedProject:
    settings = Settings.model_validate({"project": {"name": "tires"}})
    return LoadedProject(root=tmp_path, home=tmp_path, settings=settings)


def test_slack_gets_headline_and_details(host: Host, project: LoadedProject) -> None:
    built = configured_notifiers(project, {"RETREAD_SLACK_WEBHOOK": host.address})
    assert set(built) == {"slack"}
    built["slack"].send(MESSAGE)

    assert host.paths == [f"/services/{SECRET}"]
    (body,) = host.bodies
    assert body["text"] == ":white_check_mark: tires: version 4 is in production"
    (attachment,) = body["attachments"]
    kinds = [block["type"] for block in attachment["blocks"]]
    assert kinds == ["section", "section", "context"]
    assert attachment["blocks"][2]["elements"][0]["text"] == "<http://127.0.0.1:5002|Status>"


def test_webhook_gets_the_message_as_it_is(host: Host, project: LoadedProject) -> None:
    built = configured_notifiers(project, {"RETREAD_WEBHOOK": host.address})
    built["webhook"].send(MESSAGE)
    (body,) = host.bodies
    assert body["project"] == "tires"
    assert msgspec.convert(body["message"], Message) == MESSAGE


def test_markup_of_others_is_text() -> None:
    """A label named <!channel> wakes nobody (T19)."""
    payload = slack_payload(
        Message(title="<!channel>", lines=("<@U1> & <http://x|y>",), fields={"<!here>": "<!here>"})
    )
    text = msgspec.json.encode(payload).decode()
    assert "<" not in text
    assert "&lt;!channel&gt;" in text


@pytest.mark.parametrize("text", ["x" * 10_000, "<" * 10_000, "&" * 2_950])
def test_no_text_is_too_long_for_slack(text: str) -> None:
    assert len(escaped(text, 2900)) <= 2900


def test_address_from_a_file(host: Host, project: LoadedProject) -> None:
    settings = Settings.model_validate({"notify": {"slack": {"webhook_file": "hook"}}})
    project = LoadedProject(root=project.root, home=project.home, settings=settings)
    with pytest.raises(NotFound, match="webhook_file"):
        configured_notifiers(project, {})
    (project.root / "hook").write_text(f"{host.address}\n")
    configured_notifiers(project, {})["slack"].send(MESSAGE)
    assert host.paths == [f"/services/{SECRET}"]


def test_switched_off_or_unknown_is_nobody(host: Host, project: LoadedProject) -> None:
    assert configured_notifiers(project, {}) == {}
    settings = Settings.model_validate({"notify": {"slack": {"enabled": False}}})
    off = LoadedProject(root=project.root, home=project.home, settings=settings)
    assert configured_notifiers(off, {"RETREAD_SLACK_WEBHOOK": host.address}) == {}


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(500, False), (503, False), (429, False), (302, True), (404, True), (410, True)],
)
def test_what_is_not_success_was_not_delivered(
    host: Host, project: LoadedProject, status: int, permanent: bool
) -> None:
    host.status = status
    host.headers = {"Location": f"http://127.0.0.1:{host.port}/elsewhere", "Retry-After": "30"}
    slack = configured_notifiers(project, {"RETREAD_SLACK_WEBHOOK": host.address})["slack"]
    with pytest.raises(Undelivered) as caught:
        slack.send(MESSAGE)
    assert (caught.value.permanent, caught.value.retry_after) == (permanent, 30.0)
    assert host.paths == [f"/services/{SECRET}"], "no redirect is followed"


def test_nobody_listens(host: Host, project: LoadedProject) -> None:
    address = "http://127.0.0.1:9/services"
    slack = configured_notifiers(project, {"RETREAD_SLACK_WEBHOOK": address})["slack"]
    with pytest.raises(Undelivered) as caught:
        slack.send(MESSAGE)
    assert not caught.value.permanent


@pytest.mark.parametrize("hangs_up", [True, False])
def test_what_left_and_was_not_answered_may_have_arrived(
    project: LoadedProject, hangs_up: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = threading.Event()
        thread = threading.Thread(target=_swallow, args=(server, gone, hangs_up))
        thread.start()
        slack = SlackNotifier(f"http://127.0.0.1:{server.getsockname()[1]}/hook", timeout_s=0.3)
        with pytest.raises(Unconfirmed, match="did not answer"):
            slack.send(MESSAGE)
        gone.set()
        thread.join()


def _swallow(server: socket.socket, gone: threading.Event, hangs_up: bool) -> None:
    """Reads a request to its end and says nothing."""
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as request:
        length = 0
        while (line := request.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        request.read(length)
        if not hangs_up:
            gone.wait(20)


def test_the_address_is_never_told(
    host: Host, project: LoadedProject, caplog: pytest.LogCaptureFixture
) -> None:
    """The address of a webhook is its password (T17)."""
    caplog.set_level(logging.DEBUG)
    built = configured_notifiers(
        project, {"RETREAD_SLACK_WEBHOOK": host.address, "RETREAD_WEBHOOK": host.address}
    )
    host.status = 500
    told = [repr(built)]
    for notifier in built.values():
        with pytest.raises(Undelivered) as caught:
            notifier.send(MESSAGE)
        told += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    with pytest.raises(InvalidInput) as refused:
        configured_notifiers(project, {"RETREAD_WEBHOOK": f"ftp://host/{SECRET}"})
    told += [str(refused.value), caplog.text]
    assert not any("s3cr3t" in text for text in told)


@pytest.mark.parametrize("address", ["nonsense", "file:///etc/passwd", "https://", "http://a b/c"])
def test_what_is_no_address_is_refused(project: LoadedProject, address: str) -> None:
    with pytest.raises(InvalidInput, match="is not the address of a webhook"):
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
