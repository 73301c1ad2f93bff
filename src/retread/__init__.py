"""Retread keeps models in service: the whole loop from versioned data to a model in production.

Packages, each importing only those before it: core, project, bundle, data, training, registry,
serving, monitoring, notify, loop, app, demos, cli. `docs/architecture.md` walks through them.
"""

__all__: list[str] = []
