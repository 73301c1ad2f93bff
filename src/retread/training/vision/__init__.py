"""How networks over images are trained with PyTorch; importing its modules imports torch."""

__all__: list[str] = []
