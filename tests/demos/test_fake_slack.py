"""The fake Slack accepts and refuses what Slack does."""

from __future__ import annotations

import httpx
import pytest

from retread.demos.fake_slack import FakeSlack
from retread.notify import Message
from retread.notify.notifiers.slack import SlackNotifier


def test_messages_of_the_real_notifier_arrive_as_slack_would_show_them() -> None:
    with FakeSlack() as slack:
        notifier = SlackNotifier(slack.address, timeout_s=5)
        notifier.send(Message(title="tires: <b> & more", lines=("one",)))
        assert slack.headlines == ("tires: <b> & more",)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b'{"text": "hello"}'),
        ("application/json", b"{"),
        ("application/json", b'{"blocks": []}'),
        ("application/json", b"[1]"),
    ],
)
def test_what_slack_refuses_is_refused(kind: str, body: bytes) -> None:
    with FakeSlack() as slack:
        response = httpx.post(slack.address, content=body, headers={"Content-Type": kind})
        assert response.status_code == 400
        assert slack.headlines == ()
