"""Stages, shown to another registry."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from retread.registry.state import RegistryState
from retread.registry.versions import Stage

log = logging.getLogger(__name__)


class AliasMirror(Protocol):
    """Another registry that shows ours; ours never depends on it."""

    def mirror(self, aliases: Mapping[str, str]) -> None:
        """Make `production` and `staging` name the models of these runs, and no others."""
        ...


def aliases_of(state: RegistryState) -> dict[str, str]:
    """Run ids by alias."""
    shown = {Stage.PRODUCTION: "production", Stage.STAGING: "staging"}
    return {
        shown[version.stage]: version.run_id
        for version in state.versions.values()
        if version.stage in shown
    }


def show(state: RegistryState, mirrors: Sequence[AliasMirror]) -> None:
    """Show the whole state to each mirror; one that fails gets it again with the next change."""
    aliases = aliases_of(state)
    for mirror in mirrors:
        try:
            mirror.mirror(aliases)
        except Exception as error:  # whatever a foreign registry raises must not undo ours
            log.warning("The stages could not be mirrored: %s", error)
