"""A commit whose message names a model type, as in `model: resnet18`.

The message is data: it is searched for one word, the word is looked up in a list, and nothing else
of the message is used.
"""

from __future__ import annotations

import re

from retread.bundle import CauseKind
from retread.core import InvalidInput, UnknownOption, digest_bytes
from retread.loop.trigger_interface import Proposal, TriggerContext, TriggerOptions, trigger_key

_OF_IMPORT_STRINGS = re.compile(r"[.:]")
_MODEL = re.compile(r"(?:^|\s)model:[ \t]*(\S{1,64})", re.IGNORECASE)


def request(context: TriggerContext, options: TriggerOptions) -> Proposal:
    """Propose to train the model type that a commit message names.

    Raises:
        InvalidInput: The message names no model type.
        UnknownOption: The recipe has no such model type.
    """
    message = options.message or ""
    model_type = named_model(message)
    if model_type not in context.model_types:
        raise UnknownOption("model type", model_type, context.model_types)
    window = options.key or digest_bytes(message.encode("utf-8", "replace"))
    return Proposal(
        kind=CauseKind.COMMIT,
        key=trigger_key(context.model, CauseKind.COMMIT, window, context.data_digest),
        detail=f"a commit requested {model_type}",
        model_type=model_type,
    )


def named_model(message: str) -> str:
    """Return the word after `model:`, the last one if there are several.

    Raises:
        InvalidInput: The message has no such word, or it is not the name of a model type.

    >>> named_model("Try a deeper network\\n\\nmodel: resnet18")
    'resnet18'
    """
    name = model_in(message)
    if name is None:
        raise InvalidInput(
            "The commit message names no model to train.",
            "Add a line such as 'model: resnet18'; without one, a commit starts no retraining.",
        )
    return name


def model_in(message: str) -> str | None:
    """Return the word after `model:`, the last one if there are several; None for none.

    Raises:
        InvalidInput: It is an import string: whoever may write a message must not choose what is
            imported.

    >>> model_in("Correct a typo") is None
    True
    """
    named = _MODEL.findall(message)
    if not named:
        return None
    name = str(named[-1])
    if _OF_IMPORT_STRINGS.search(name):
        raise InvalidInput(
            f"The commit message names {name!r}, which is not the name of a model type.",
            "Name a model type of the recipe; an import string belongs in retread.toml.",
        )
    return name
