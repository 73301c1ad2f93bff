"""One notifier a file, each with `build(project, environment) -> Notifier | None`."""

__all__: list[str] = []
