"""What the two tabular recipes share; scikit-learn is imported when training starts.

>>> from retread.training.tabular import TabularRecipe
>>> TabularRecipe(regression=True).options
('epochs',)
"""

from retread.training.tabular.recipe import TabularRecipe

__all__ = ["TabularRecipe"]
