"""One file a noun; each has `register(app)`, and is found by being here."""

__all__: list[str] = []
