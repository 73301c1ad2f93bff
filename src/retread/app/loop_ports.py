"""The loop of a workspace: its ports wired to the real parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retread.app.loop_canary import LoopCanary
from retread.app.loop_data import LoopData
from retread.app.loop_models import LoopModels
from retread.app.loop_training import LoopTraining
from retread.loop.loop import Loop
from retread.loop.outbox import Outbox
from retread.loop.ports import LoopPorts
from retread.loop.waiting import Waiting
from retread.monitoring import Monitor
from retread.notify import Notifier, configured_notifiers

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


def loop_of(workspace: Workspace, environment: Mapping[str, str]) -> Loop:
    """The loop of a project; `environment` holds the addresses of its notifiers."""
    notifiers = configured_notifiers(workspace.project, environment)
    monitor = Monitor(
        workspace.ledger,
        workspace.bundles,
        workspace.traffic,
        workspace.labels,
        workspace.database,
        workspace.settings,
        workspace.clock,
    )
    ports = loop_ports(workspace, notifiers)
    return Loop(ports, monitor, notifiers, workspace.project.workflows_url)


def loop_ports(workspace: Workspace, notifiers: Mapping[str, Notifier]) -> LoopPorts:
    """Everything a retraining of this project touches."""
    waiting = Waiting()
    training = LoopTraining(workspace, waiting)
    return LoopPorts(
        settings=workspace.settings,
        clock=workspace.clock,
        ledger=workspace.ledger,
        outbox=Outbox(workspace.database, workspace.clock, sorted(notifiers)),
        data=LoopData(workspace),
        training=training,
        models=LoopModels(workspace),
        canary=LoopCanary(workspace),
        waiting=waiting,
        model_types=training.model_types,
    )
