"""The command line: one noun a file in `commands`, each mirroring one Python operation."""

__all__: list[str] = []
