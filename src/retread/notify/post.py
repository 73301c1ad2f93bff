"""One JSON document to one configured address."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec

from retread.core import InvalidInput
from retread.notify.notifier import Unconfirmed, Undelivered

TOO_MANY = 429
_RETRIED = frozenset({408, 425, TOO_MANY})


def checked_address(name: str, address: str) -> str:
    """`address` without blanks around it; InvalidInput, without repeating it, unless it is HTTP.

    A webhook's address is its password, so no message may carry it.
    """
    address = address.strip()
    try:
        url = urlsplit(address)
        known = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        known = False
    if not known or not address.isprintable() or " " in address:
        raise InvalidInput(
            f"{name} is not the address of a webhook.", "It starts with https:// and names a host."
        )
    return address


def post_json(address: str, body: Any, timeout_s: float) -> None:
    """POST `body`, following no redirect; Undelivered if it did not leave or the answer is not 2xx,
    Unconfirmed if it left and no answer came.

    The standard library's client, because it honours the machine's proxies and never logs an
    address.
    """
    headers = {"Content-Type": "application/json"}
    request = Request(address, msgspec.json.encode(body), headers, method="POST")  # noqa: S310 checked_address admits HTTP only
    try:
        # The status is the answer; what else there is to read is not waited for.
        build_opener(_NoRedirect).open(request, timeout=timeout_s).close()
    except HTTPError as error:
        error.close()
        raise Undelivered(
            f"The webhook answered {error.code}.",
            retry_after=_seconds(error.headers.get("Retry-After", "")),
            permanent=error.code < 500 and error.code not in _RETRIED,
        ) from None
    except URLError as error:
        # So the standard library tells what failed before the request had left as a whole.
        name = type(error.reason).__name__
        raise Undelivered(f"The webhook could not be reached ({name}).") from None
    except (OSError, http.client.HTTPException) as error:
        raise Unconfirmed(f"The webhook did not answer ({type(error).__name__}).") from None


class _NoRedirect(HTTPRedirectHandler):
    """A redirect is an answer like any other, and not the one we wait for."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdigit() else 0.0
