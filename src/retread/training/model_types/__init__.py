"""Model types: one package per family, and in it one file with a `build` per model type."""

__all__: list[str] = []
