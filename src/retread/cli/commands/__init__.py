"""One file per noun; each has `register(app)`."""
