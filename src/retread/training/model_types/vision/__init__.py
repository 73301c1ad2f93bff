"""Networks over images: each file has a `build` that implements VisionModelType."""

__all__: list[str] = []
