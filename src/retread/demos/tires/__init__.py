"""Tire sidewalls, drawn or real, on an inspection line."""

__all__: list[str] = []
