"""The loop of a workspace: its ports wired to the real parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retread.app.loop_canary import LoopCanary
from retread.app.loop_data import LoopData
from retread.app.loop_models import LoopModels
from retread.app.loop_training import LoopTraining
from retread.app.supervisor.addresses import addresses_of
from retread.loop.loop import Loop
from retread.loop.ports import LoopPorts
from retread.loop.sender import MessageContext
from retread.loop.waiting import WaitPoint
from retread.notify import Notifier, configured_notifiers
from retread.project import Settings

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


def loop_of(workspace: Workspace, environment: Mapping[str, str]) -> Loop:
    """The loop of a project; `environment` holds the addresses of its notifiers."""
    notifiers = configured_notifiers(workspace.project, environment)
    sender = sender_in(environment, workspace.settings)
    ports = loop_ports(workspace, notifiers, sender)
    return Loop(ports, workspace.monitor, notifiers, workspace.project.workflows_url)


def sender_in(environment: Mapping[str, str], settings: Settings) -> MessageContext:
    """Who sends, with links to where `up` put the servers."""
    addresses = addresses_of(settings, environment)
    return MessageContext(
        project=settings.project.name, control=addresses.control, tracking=addresses.tracking
    )


def loop_ports(
    workspace: Workspace, notifiers: Mapping[str, Notifier], sender: MessageContext
) -> LoopPorts:
    """Everything a retraining of this project touches."""
    waiting = WaitPoint()
    training = LoopTraining(workspace, waiting)
    return LoopPorts(
        settings=workspace.settings,
        clock=workspace.clock,
        ledger=workspace.ledger,
        sender=sender,
        outbox=workspace.outbox(sorted(notifiers)),
        data=LoopData(workspace),
        training=training,
        models=LoopModels(workspace),
        canary=LoopCanary(workspace),
        waiting=waiting,
        model_types=training.model_types,
    )
