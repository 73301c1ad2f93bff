"""Publish the stages of the registry to other registries."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from retread.registry.state import RegistryState, Stage

log = logging.getLogger(__name__)


class AliasMirror(Protocol):
    """Another registry that shows the stages of this one, which never depends on it."""

    def mirror(self, aliases: Mapping[str, tuple[str, int]]) -> None:
        """Point the aliases `production` and `staging` at these models only.

        Args:
            aliases: The run id and the version number of each model, by alias.
        """
        ...


def aliases_of(state: RegistryState) -> dict[str, tuple[str, int]]:
    """Return run id and version number by alias."""
    shown = {Stage.PRODUCTION: "production", Stage.STAGING: "staging"}
    return {
        shown[version.stage]: (version.run_id, version.version)
        for version in state.versions.values()
        if version.stage in shown
    }


def publish_stages(state: RegistryState, mirrors: Sequence[AliasMirror]) -> None:
    """Publish all stages to each mirror; one that fails is updated with the next change."""
    aliases = aliases_of(state)
    for mirror in mirrors:
        try:
            mirror.mirror(aliases)
        except Exception as error:  # whatever another registry raises must not undo the change
            log.warning("The stages could not be mirrored: %s", error)
