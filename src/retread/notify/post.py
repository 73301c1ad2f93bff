"""Sending one JSON document to a configured webhook."""

from __future__ import annotations

from typing import Any

import msgspec

from retread.core import InvalidInput
from retread.core.http_client import HttpClient, NoResponse, RequestNotSent, parse_http_address
from retread.notify.notifier import Unconfirmed, Undelivered

_TOO_MANY_REQUESTS = 429
_RETRIED = frozenset({408, 425, _TOO_MANY_REQUESTS})


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
            f"{name} is not the address of a webhook.", "It starts with https:// and names a host."
        ) from None
    return address


def post_json(address: str, body: Any, timeout_s: float) -> None:
    """Send `body` to a webhook through the proxies of the environment, following no redirect.

    Raises:
        Undelivered: The request did not leave as a whole, or the status is not 2xx.
        Unconfirmed: The request left and no response came.
    """
    parts = parse_http_address(address)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": "application/json"}
    with HttpClient(address, timeout_s, use_proxies=True) as client:
        try:
            # The status says everything: the body is not worth waiting for.
            response = client.request(
                "POST", path, msgspec.json.encode(body), headers, read_body=False
            )
        except RequestNotSent as error:
            raise Undelivered(f"The webhook could not be reached ({error.reason}).") from None
        except NoResponse as error:
            raise Unconfirmed(f"The webhook did not answer ({error.reason}).") from None
    if not response.is_success:
        raise Undelivered(
            f"The webhook answered {response.status}.",
            retry_after=_seconds(response.headers.get("Retry-After", "")),
            permanent=response.status < 500 and response.status not in _RETRIED,
        )


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdigit() else 0.0
