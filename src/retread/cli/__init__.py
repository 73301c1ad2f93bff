"""The command line: one file per noun in `commands`, each command mirroring a Python operation."""

__all__: list[str] = []
