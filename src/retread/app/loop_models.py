"""The loop's models: registered, judged, staged, tried and promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retread.app.gate import judge_version
from retread.core import Verdict
from retread.registry import RegistryState
from retread.registry.events import Slot
from retread.training.request import TrainingOutcome

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


class LoopModels:
    """The port `Models` of the loop, over a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._promoter = workspace.promoter

    def state(self) -> RegistryState:
        return self._workspace.registry.state()

    def register(self, outcome: TrainingOutcome) -> int:
        return self._workspace.registry.register(outcome.bundle, outcome.run_id).version

    def judge(self, version: int) -> Verdict:
        return judge_version(self._workspace, version)

    def override(self, version: int, reason: str) -> None:
        self._workspace.registry.override(version, reason)

    def stage(self, version: int) -> None:
        self._promoter.stage(version)

    def assign(self, slot: Slot, version: int, share: float, reason: str) -> None:
        self._promoter.assign(slot, version, share, reason=reason)

    def clear(self, slot: Slot, version: int, reason: str) -> None:
        self._promoter.clear(slot, holder=version, reason=reason)

    def promote(self, version: int, reason: str) -> None:
        opened = self.state().promotion
        if opened is not None and opened.version == version:
            # Ours, left open by a process that died: it is brought to its end, not begun again.
            self._promoter.recover()
        if self.state().production != version:
            self._promoter.promote(version, reason=reason)

    def settle_overdue(self) -> None:
        self._promoter.settle_overdue()
