"""Predict a number for each row of a table."""

from __future__ import annotations

from retread.training.tabular import TabularRecipe

RECIPE = TabularRecipe(regression=True)
