"""Which requests may come from a web page: those of this server's own pages.

A page of another site can make the user's browser send requests to this machine. Such a request
shows in Host, where the page reaches the server by a name of its own (DNS rebinding), or in
Origin or Sec-Fetch-Site. The three servers of a project judge by this one rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from retread.core import InvalidInput
from retread.serving.http.error_responses import HttpRefusal

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

OF_PAGES = frozenset({b"origin", b"sec-fetch-site"})
"""Header fields that show that a web page sends the request."""

_SAME_SITE = frozenset({"same-origin", "none"})
_SCHEMES = ("http://", "https://")
_MAX_KNOWN = 64

_Fields = Iterable[tuple[bytes, bytes]]


def is_allowed_host(host: str, names: frozenset[str]) -> bool:
    """Return whether a Host field is one of `names`, with any port or none.

    >>> is_allowed_host("LOCALHOST:5001", LOOPBACK_NAMES), is_allowed_host("[::1]", LOOPBACK_NAMES)
    (True, True)
    >>> is_allowed_host("localhost.evil.example", LOOPBACK_NAMES)
    False
    """
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, "0"
    return name.lower() in names and port.isascii() and port.isdigit()


def is_own_page(host: str, origin: str | None, site: str | None) -> bool:
    """Return whether a request comes from no web page, or from one of this server.

    Args:
        host: The Host field, which is allowed.
        origin: The Origin field, if there is one.
        site: The Sec-Fetch-Site field, if there is one.

    >>> is_own_page("localhost:5001", None, None)
    True
    >>> is_own_page("localhost:5001", "http://evil.example", "cross-site")
    False
    """
    if site is not None and site not in _SAME_SITE:
        return False
    return origin is None or origin.lower() in [f"{scheme}{host.lower()}" for scheme in _SCHEMES]


def is_followed_link(headers: Mapping[str, str]) -> bool:
    """Return whether a browser opens a page of its own, which the site with the link cannot read.

    >>> is_followed_link({"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"})
    True
    """
    opened = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return opened == ("navigate", "document")


class OriginGuard:
    """The rule for one server, as it is applied to header fields.

    Attributes:
        known: Host fields that were allowed before; bounded, so that any port may be tried.
    """

    __slots__ = ("_names", "known")

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Prepare the guard.

        Args:
            names: Names of the server besides those of loopback; IPv6 addresses without brackets.
        """
        bracketed = [f"[{name}]" if ":" in name else name for name in names]
        self._names = LOOPBACK_NAMES | {name.lower() for name in bracketed}
        self.known: set[bytes] = set()

    def check_host(self, value: bytes) -> None:
        """Check a Host field and remember one that is allowed.

        Raises:
            HttpRefusal: The server has no such name.
        """
        host = value.decode("latin-1")
        if not is_allowed_host(host, self._names):
            names = ", ".join(sorted(self._names))
            raise HttpRefusal(
                HTTPStatus.FORBIDDEN,
                f"The Host {host[:80]!r} is not a name of this server.",
                f"Use one of: {names}; or add the name to [serving] hosts.",
            )
        if len(self.known) < _MAX_KNOWN:
            self.known.add(value)

    def check(self, fields: _Fields, version: str) -> None:
        """Check the header fields of a request.

        Args:
            fields: Names in lower case, and values.
            version: HTTP version: only 1.0 may leave Host out.

        Raises:
            HttpRefusal: The request is addressed to another host, or comes from another site.
            InvalidInput: There is no Host field, or more than one.
        """
        hosts = [value for name, value in fields if name == b"host"]
        if len(hosts) != 1 and (hosts or version != "1.0"):
            raise InvalidInput(
                f"The request has {len(hosts)} Host fields.", "Send exactly one, as RFC 9112 says."
            )
        for value in hosts:
            if value not in self.known:
                self.check_host(value)
        given = {name: value.decode("latin-1") for name, value in fields if name in OF_PAGES}
        host = hosts[0].decode("latin-1") if hosts else ""
        if not is_own_page(host, given.get(b"origin"), given.get(b"sec-fetch-site")):
            raise HttpRefusal(
                HTTPStatus.FORBIDDEN,
                "Requests from web pages of other sites are refused.",
                "Call the server from a program, without an Origin header.",
            )
