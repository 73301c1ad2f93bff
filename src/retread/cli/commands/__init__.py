"""Commands, one file per noun; a file is found by being here, and has `register(app)`."""

__all__: list[str] = []
