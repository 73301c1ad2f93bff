"""Hourly bike rentals, replayed."""

__all__: list[str] = []
