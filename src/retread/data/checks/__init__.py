"""The checks that a version must pass, or else it is quarantined. To add one, add a module here.

Each module has a pure function `check(summary: DatasetSummary) -> CheckResult`, which names its
result after the module.
"""

__all__: list[str] = []
