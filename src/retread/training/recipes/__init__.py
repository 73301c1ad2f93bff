"""Kinds of tasks, one file each: a module of this package with a `RECIPE` is a recipe."""

__all__: list[str] = []
