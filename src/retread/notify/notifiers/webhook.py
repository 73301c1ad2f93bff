"""Webhooks: any service that accepts a JSON document by HTTP POST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from retread.core import InvalidInput
from retread.core.http_client import HttpClient, NoResponse, RequestNotSent, parse_http_address
from retread.notify.message import Message, Unconfirmed, Undelivered
from retread.project import LoadedProject

VARIABLE = "RETREAD_WEBHOOK"
TIMEOUT_S = 5.0

_RETRIED_STATUSES = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class WebhookNotifier:
    """Posts each message with all its fields, and the name of the project."""

    address: str = field(repr=False)
    project: str

    def send(self, message: Message) -> None:
        """Deliver a message; see `Notifier`."""
        post_json(self.address, {"project": self.project, "message": message}, TIMEOUT_S)


def build(project: LoadedProject, environment: Mapping[str, str]) -> WebhookNotifier | None:
    """Set up a notifier for the address in RETREAD_WEBHOOK."""
    address = environment.get(VARIABLE, "")
    if not address:
        return None
    return WebhookNotifier(checked_address(VARIABLE, address), project.settings.project.name)


def checked_address(name: str, address: str) -> str:
    """Return a webhook's address without surrounding blanks.

    Args:
        name: Where the address was configured, for the error.
        address: The address. It is as secret as a password, so no message contains it.

    Raises:
        InvalidInput: `address` is not an HTTP address.
    """
    address = address.strip()
    try:
        parse_http_address(address)
    except InvalidInput:
        raise InvalidInput(
            f"{name} is not a valid webhook address.", "It starts with https:// and names a host."
        ) from None
    return address


def post_json(address: str, body: Any, timeout_s: float) -> None:
    """Post a JSON document through the proxies of the environment, following no redirect.

    Raises:
        Undelivered: The request was not sent completely, or the status is not 2xx.
        Unconfirmed: The request was sent and there was no response.
    """
    parts = parse_http_address(address)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    content, headers = msgspec.json.encode(body), {"Content-Type": "application/json"}
    with HttpClient(address, timeout_s, use_proxies=True) as client:
        try:
            # Only the status matters, so the body is not worth waiting for.
            response = client.request("POST", path, content, headers, read_body=False)
        except RequestNotSent as error:
            raise Undelivered(f"The webhook could not be reached ({error.reason}).") from None
        except NoResponse as error:
            raise Unconfirmed(f"The webhook did not respond ({error.reason}).") from None
    if not response.is_success:
        raise Undelivered(
            f"The webhook responded with HTTP {response.status}.",
            retry_after=_seconds(response.headers.get("Retry-After", "")),
            permanent=response.status < 500 and response.status not in _RETRIED_STATUSES,
        )


def _seconds(retry_after: str) -> float:
    """Read a Retry-After header; dates are ignored."""
    return float(retry_after) if retry_after.isdigit() else 0.0
