"""Setting up the notifiers whose addresses are configured."""

from __future__ import annotations

from collections.abc import Mapping

from retread.core import load_plugins
from retread.notify import notifiers
from retread.notify.message import Notifier
from retread.project import LoadedProject


def configured_notifiers(
    project: LoadedProject, environment: Mapping[str, str]
) -> dict[str, Notifier]:
    """Return every configured notifier by name.

    Each module in `retread.notify.notifiers` defines `build(project, environment)`, which returns a
    notifier, or None if no address is configured for it.

    Args:
        project: The project with its settings.
        environment: Environment variables, from which secret addresses are read.

    Raises:
        InvalidInput: A configured address is not valid.
        NotFound: A file that should contain an address does not exist.
    """
    built = {
        name: module.build(project, environment) for name, module in load_plugins(notifiers).items()
    }
    return {name: notifier for name, notifier in built.items() if notifier is not None}
