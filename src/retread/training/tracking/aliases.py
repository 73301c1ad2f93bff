"""Our stages as aliases of MLflow's registered model, so that `models:/NAME@production` works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retread.project import LoadedProject
from retread.training.tracking.client import MODEL_FOLDER, connect, locked, place_of


class MlflowAliases:
    """The registry's AliasMirror over MLflow; connects when first used."""

    def __init__(self, project: LoadedProject) -> None:
        self._place = place_of(project)
        self._client: Any = None

    def mirror(self, aliases: Mapping[str, str]) -> None:
        """Make each alias name the model of its run id, and drop every other alias."""
        if self._client is None:
            self._client = connect(self._place)
        with locked(self._place):
            found = self._client.search_registered_models(f"name = '{self._place.name}'")
            current = dict(found[0].aliases) if found else {}
            if not found:
                self._client.create_registered_model(self._place.name)
            versions = self._versions()
            for alias in current.keys() - aliases.keys():
                self._client.delete_registered_model_alias(self._place.name, alias)
            for alias, run_id in aliases.items():
                version = versions.get(run_id) or self._add(run_id)
                if str(current.get(alias)) != version:
                    self._client.set_registered_model_alias(self._place.name, alias, version)

    def _versions(self) -> dict[str, str]:
        """MLflow's version numbers by run id."""
        found = self._client.search_model_versions(f"name = '{self._place.name}'")
        return {str(version.run_id): str(version.version) for version in found}

    def _add(self, run_id: str) -> str:
        run = self._client.get_run(run_id)
        source = f"{run.info.artifact_uri}/{MODEL_FOLDER}"
        made = self._client.create_model_version(self._place.name, source, run_id)
        return str(made.version)
