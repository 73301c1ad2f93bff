"""Train networks over images with PyTorch; importing this package imports torch.

trained = fit(task, on_epoch)
"""

from retread.training.vision.fit import fit

__all__ = ["fit"]
