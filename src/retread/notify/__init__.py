"""Telling people: messages, and the notifiers that deliver them.

>>> from retread.notify import Message, Severity, slack_payload
>>> slack_payload(Message(title="tires: <!channel>", severity=Severity.INFO))["text"]
':information_source: tires: &lt;!channel&gt;'
"""

from retread.notify.configure import configured_notifiers
from retread.notify.message import Link, Message, Severity
from retread.notify.notifier import Notifier, Unconfirmed, Undelivered
from retread.notify.slack_format import slack_payload

__all__ = [
    "Link",
    "Message",
    "Notifier",
    "Severity",
    "Unconfirmed",
    "Undelivered",
    "configured_notifiers",
    "slack_payload",
]
