"""The checks that a version must pass, or else it is quarantined. To add one, add a module here.

Each module has a pure function `check(summary: Summary) -> CheckResult`, and its result is named
after the module.
"""

__all__: list[str] = []
