"""The overview of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retread.app.overview.ledger_view import LedgerView
from retread.app.overview.messages import unsettled
from retread.app.overview.overview import Overview, overview

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


def glance(workspace: Workspace) -> Overview:
    """The state of a project at a glance, from what is recorded now."""
    entries, state = LedgerView(workspace.ledger).look()
    messages = unsettled(workspace.outbox())
    return overview(workspace.settings.project.name, entries, state, messages)
