"""Setting up the notifiers whose addresses are configured."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import cast

from retread.core import (
    accepts_arguments,
    code_of_user,
    import_callable,
    invalid_plugin,
    load_plugins,
)
from retread.notify import notifiers
from retread.notify.message import Notifier
from retread.project import LoadedProject

_KIND = "notifier"
_INTERFACE = "retread.notify.Notifier"


def configured_notifiers(
    project: LoadedProject, environment: Mapping[str, str]
) -> dict[str, Notifier]:
    """Return every configured notifier by name.

    Each module in `retread.notify.notifiers` defines `build(project, environment)`, which returns a
    notifier, or None if no address is configured for it. Those of the user's own are named by
    `extra_notifiers` in section [notify], as `package.module:Class`.

    Args:
        project: The project with its settings.
        environment: Environment variables, from which secret addresses are read.

    Raises:
        InvalidInput: A configured address is not valid, or a notifier of the user's own cannot be
            imported or created, or does not implement `Notifier`.
        NotFound: A file that should contain an address does not exist.
    """
    built = {
        name: module.build(project, environment) for name, module in load_plugins(notifiers).items()
    }
    configured = {name: notifier for name, notifier in built.items() if notifier is not None}
    extra = project.settings.notify.extra_notifiers
    return configured | {name: _extra_notifier(name, environment) for name in extra}


def notifier_setups(project: LoadedProject, environment: Mapping[str, str]) -> dict[str, str]:
    """Return by name whether each notifier is `configured`, has `no address`, or is `switched off`.

    Slack is always in it; others only if they are configured. Notifiers of the user's own are not
    created for this.

    Raises:
        InvalidInput: A configured address is not valid.
        NotFound: A file that should contain an address does not exist.
    """
    notify = project.settings.notify
    setups = {"slack": "no address" if notify.slack.enabled else "switched off"}
    for name, module in load_plugins(notifiers).items():
        if module.build(project, environment) is not None:
            setups[name] = "configured"
    return setups | dict.fromkeys(notify.extra_notifiers, "configured")


def _extra_notifier(name: str, environment: Mapping[str, str]) -> Notifier:
    create = import_callable(_KIND, name, _INTERFACE, ("environment",))
    with code_of_user(_KIND, name, _INTERFACE, "cannot be created"):
        notifier: object = create(environment)
        send = getattr(notifier, "send", None)
    if not callable(send):
        raise invalid_plugin(_KIND, name, _INTERFACE, "it has no method send()")
    if not accepts_arguments(send, 1):
        raise invalid_plugin(_KIND, name, _INTERFACE, "send() cannot be called with (message)")
    if inspect.iscoroutinefunction(send):
        raise invalid_plugin(_KIND, name, _INTERFACE, "send() is async, and would not be awaited")
    return cast("Notifier", notifier)
