"""Whether two models may answer the same requests."""

from __future__ import annotations

from retread.core import IntegrityBroken
from retread.serving.runtime import Runtime


def check_alike(runtime: Runtime, production: Runtime) -> None:
    """Two models that answer the same requests take the same inputs and know the same labels."""
    if runtime.signature.inputs != production.signature.inputs:
        raise IntegrityBroken(
            f"Bundle {runtime.bundle} takes other inputs than production.",
            "Promote it outright, or try it in staging.",
        )
    if runtime.labels != production.labels or runtime.output != production.output:
        raise IntegrityBroken(
            f"Bundle {runtime.bundle} has labels {list(runtime.labels)}, production "
            f"{list(production.labels)}.",
            "Promote it outright, or try it in staging.",
        )
