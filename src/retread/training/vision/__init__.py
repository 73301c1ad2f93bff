"""How networks over images are trained with PyTorch; importing this package imports torch.

trained = fit(task, report)
"""

from retread.training.vision.fit import fit

__all__ = ["fit"]
