"""URLs of servers."""

from __future__ import annotations


def http_address(host: str, port: int) -> str:
    """Return the URL of an HTTP server.

    >>> http_address("localhost", 5001), http_address("::1", 5001)
    ('http://localhost:5001', 'http://[::1]:5001')
    """
    # Only IPv6 addresses contain colons, and they need brackets.
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
