"""One detector a file, named as in its paper; each offers `detector()`."""

__all__: list[str] = []
