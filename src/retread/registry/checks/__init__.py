"""The built-in gate checks: one file each, with `check(inputs: GateInputs) -> CheckResult`.

>>> from retread.core import plugin_names
>>> from retread.registry import checks
>>> "threshold" in plugin_names(checks)
True
"""

__all__: list[str] = []
