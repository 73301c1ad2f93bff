"""What is trained inside a recipe: one package a family, one file with a `build` a model type."""

__all__: list[str] = []
