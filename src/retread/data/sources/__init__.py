"""Kinds of sources; adding one is adding a file here.

A module has `DESCRIPTION`, `accepts(request) -> bool` and `gather(request) -> Gathered`.
"""

__all__: list[str] = []
