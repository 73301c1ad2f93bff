"""Addresses of servers."""

from __future__ import annotations


def http_address(host: str, port: int) -> str:
    """
    >>> http_address("localhost", 5001), http_address("::1", 5001)
    ('http://localhost:5001', 'http://[::1]:5001')
    """
    # Only an IPv6 address has colons of its own, and needs brackets around them.
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
