"""What the two tabular recipes share; scikit-learn is imported when a training starts."""

__all__: list[str] = []
