"""Two years of hourly bike rentals, with and without the loop."""

__all__: list[str] = []
