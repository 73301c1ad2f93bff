"""Notifications: messages to people, and the notifiers that deliver them.

>>> from retread.notify import Message, Severity, slack_payload
>>> slack_payload(Message(title="tires: <!channel>", severity=Severity.INFO))["text"]
':information_source: tires: &lt;!channel&gt;'
"""

from retread.notify.configure import configured_notifiers, notifier_setups
from retread.notify.message import (
    Link,
    Message,
    Notifier,
    Severity,
    Unconfirmed,
    Undelivered,
)
from retread.notify.notifiers.slack import slack_payload

__all__ = [
    "Link",
    "Message",
    "Notifier",
    "Severity",
    "Unconfirmed",
    "Undelivered",
    "configured_notifiers",
    "notifier_setups",
    "slack_payload",
]
