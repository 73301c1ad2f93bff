"""The checks of a version. To add one, add a module here.

Each module has a pure function `check(summary: DatasetSummary) -> CheckResult`, which names its
result after the module. If it finds something, the version is quarantined, unless the module's
ACTION or `[data] checks` says that it is only told, or refused.
"""

__all__: list[str] = []
