"""What a version must pass to leave quarantine; adding a check is adding a file here.

A module has `check(summary: Summary) -> CheckResult`, a pure function named as the file is.
"""

__all__: list[str] = []
