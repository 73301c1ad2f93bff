"""Fisher's iris, with a scenario of two runs."""

__all__: list[str] = []
