"""The loop of a workspace: its ports wired to the real parts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from retread.app.gate import judge_version
from retread.app.loop_canary import LoopCanary
from retread.app.loop_data import LoopData
from retread.app.loop_training import LoopTraining
from retread.app.supervisor.addresses import addresses_of
from retread.loop import LoopPorts, MessageContext, WaitPoint
from retread.loop.loop import Loop
from retread.notify import Notifier, configured_notifiers
from retread.project import Settings

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


def loop_of(workspace: Workspace, environment: Mapping[str, str]) -> Loop:
    """The loop of a project; `environment` holds the addresses of its notifiers."""
    notifiers = configured_notifiers(workspace.project, environment)
    context = message_context(environment, workspace.settings)
    ports = loop_ports(workspace, notifiers, context)
    return Loop(ports, workspace.monitor, notifiers, workspace.project.workflows_url)


def message_context(environment: Mapping[str, str], settings: Settings) -> MessageContext:
    """Return what every message mentions, with links to where `up` put the servers."""
    addresses = addresses_of(settings, environment)
    return MessageContext(
        project=settings.project.name, control=addresses.control, tracking=addresses.tracking
    )


def loop_ports(
    workspace: Workspace, notifiers: Mapping[str, Notifier], context: MessageContext
) -> LoopPorts:
    """Everything a retraining of this project touches."""
    wait_point = WaitPoint()
    training = LoopTraining(workspace, wait_point)
    return LoopPorts(
        settings=workspace.settings,
        clock=workspace.clock,
        ledger=workspace.ledger,
        message_context=context,
        outbox=workspace.outbox(sorted(notifiers)),
        data=LoopData(workspace),
        training=training,
        registry=workspace.registry,
        promoter=workspace.promoter,
        judge=partial(judge_version, workspace),
        canary=LoopCanary(workspace),
        wait_point=wait_point,
        model_types=training.model_types,
    )
