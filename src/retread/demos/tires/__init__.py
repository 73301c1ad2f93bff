"""An inspection line for tires, on drawn or real photos."""

__all__: list[str] = []
