"""Networks over images: `build(classes, pretrained) -> Network`.

`retread.training.network` says what a Network is.
"""

__all__: list[str] = []
