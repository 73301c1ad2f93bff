"""Retread keeps models in service: versioned data, training, a gate and a registry, serving,
monitoring and automatic retraining.

>>> import retread
>>> retread.init(folder / "inspection", template="iris").versions
()

`retread.open` opens the project of a folder; `retread.api` shows the way from a file to a model in
production. Names are loaded when they are first used, so `import retread` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retread.api import Datasets, Monitoring, Project, Run, Runs, Version, init, open
    from retread.core import RetreadError, Verdict
    from retread.data import DatasetVersion
    from retread.registry import Promotion
    from retread.serving.client import RequestOptions
    from retread.serving.client import ServingClient as Client
    from retread.serving.prediction import Prediction

    __version__: str

__all__ = [
    "Client",
    "DatasetVersion",
    "Datasets",
    "Monitoring",
    "Prediction",
    "Project",
    "Promotion",
    "RequestOptions",
    "RetreadError",
    "Run",
    "Runs",
    "Verdict",
    "Version",
    "__version__",
    "init",
    "open",
]

_MODULES = {
    "Client": ("retread.serving.client", "ServingClient"),
    "DatasetVersion": ("retread.data", "DatasetVersion"),
    "Prediction": ("retread.serving.prediction", "Prediction"),
    "Promotion": ("retread.registry", "Promotion"),
    "RequestOptions": ("retread.serving.client", "RequestOptions"),
    "RetreadError": ("retread.core", "RetreadError"),
    "Verdict": ("retread.core", "Verdict"),
}


if not TYPE_CHECKING:  # or every misspelled name would pass for one of ours

    def __getattr__(name: str) -> object:
        from importlib import import_module, metadata

        if name not in __all__:
            raise AttributeError(f"module 'retread' has no attribute {name!r}")
        found: object
        if name == "__version__":
            found = metadata.version("retread")
        else:
            module, attribute = _MODULES.get(name, ("retread.api", name))
            found = getattr(import_module(module), attribute)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return __all__
