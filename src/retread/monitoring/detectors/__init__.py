"""Built-in detectors: one file each, named as in its paper, with `detector() -> Detector`."""

__all__: list[str] = []
