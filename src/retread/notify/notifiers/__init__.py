"""Notifiers: one module per notifier, each with `build(project, environment)`."""

__all__: list[str] = []
