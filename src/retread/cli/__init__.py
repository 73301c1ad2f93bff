"""The command line: one file per noun in `commands`, each command mirroring one Python operation."""

__all__: list[str] = []
