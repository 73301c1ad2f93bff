"""Classify the rows of a table into two or more classes."""

from __future__ import annotations

from retread.training.tabular import TabularRecipe

RECIPE = TabularRecipe(regression=False)
