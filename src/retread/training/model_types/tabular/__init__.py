"""Models of tables: each file has a `build` that implements TabularModelType."""

__all__: list[str] = []
