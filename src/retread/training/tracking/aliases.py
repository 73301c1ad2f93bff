"""Stages as aliases of MLflow's registered model, so that `models:/NAME@production` works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retread.project import LoadedProject
from retread.training.tracking.mlflow_store import (
    MODEL_FOLDER,
    VERSION_TAG,
    connect,
    location_of,
)


class MlflowAliases:
    """The registry's AliasMirror for MLflow; connects on first use."""

    def __init__(self, project: LoadedProject) -> None:
        self._location = location_of(project)
        self._client: Any = None

    def mirror(self, aliases: Mapping[str, tuple[str, int]]) -> None:
        """Point each alias at the model of a run, and delete all other aliases.

        MLflow numbers models by itself: the tag `retread.version` holds the registry's number.

        Args:
            aliases: The run id and the registry's version number of each model, by alias.
        """
        if self._client is None:
            self._client = connect(self._location)
        name = self._location.name
        with self._location.lock():
            found = self._client.search_registered_models(f"name = '{name}'")
            current = dict(found[0].aliases) if found else {}
            if not found:
                self._client.create_registered_model(name)
            versions = self._versions()
            for alias in current.keys() - aliases.keys():
                self._client.delete_registered_model_alias(name, alias)
            for alias, (run_id, number) in aliases.items():
                version = versions.get(run_id) or self._add(run_id)
                self._client.set_model_version_tag(name, version, VERSION_TAG, str(number))
                if str(current.get(alias)) != version:
                    self._client.set_registered_model_alias(name, alias, version)

    def _versions(self) -> dict[str, str]:
        """Return MLflow's version numbers by run id."""
        found = self._client.search_model_versions(f"name = '{self._location.name}'")
        return {str(version.run_id): str(version.version) for version in found}

    def _add(self, run_id: str) -> str:
        run = self._client.get_run(run_id)
        source = f"{run.info.artifact_uri}/{MODEL_FOLDER}"
        version = self._client.create_model_version(self._location.name, source, run_id)
        return str(version.version)
