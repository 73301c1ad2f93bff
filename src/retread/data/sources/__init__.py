"""Kinds of data sources. To add one, add a module here.

Each module implements the interface `retread.data.source.Source`.
"""

__all__: list[str] = []
