"""Recipes, one file each: a module of this package that defines `RECIPE` is a recipe."""

__all__: list[str] = []
