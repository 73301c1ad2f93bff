"""The notifiers for which an address is known."""

from __future__ import annotations

from collections.abc import Mapping

from retread.core import load_plugins
from retread.notify import notifiers
from retread.notify.notifier import Notifier
from retread.project import LoadedProject


def configured_notifiers(
    project: LoadedProject, environment: Mapping[str, str]
) -> dict[str, Notifier]:
    """By name, every notifier of `retread.notify.notifiers` that is set up.

    Each of its modules has `build(project, environment)`, which answers None where there is no
    address to send to.
    """
    built = {
        name: module.build(project, environment) for name, module in load_plugins(notifiers).items()
    }
    return {name: notifier for name, notifier in built.items() if notifier is not None}
