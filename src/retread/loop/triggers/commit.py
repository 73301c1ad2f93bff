"""A commit that names a model: `model: resnet18`.

The message is data. It is searched for one word, that word is looked up in a list, and nothing
else of it is used.
"""

from __future__ import annotations

import re

from retread.bundle import CauseKind
from retread.core import InvalidInput, UnknownOption, digest_bytes
from retread.loop.proposal import Proposal, trigger_key
from retread.loop.view import TriggerContext, TriggerOptions

_MODEL = re.compile(r"(?:^|\s)model:[ \t]*(\S{1,64})", re.IGNORECASE)


def ask(view: TriggerContext, asked: TriggerOptions) -> Proposal:
    """InvalidInput if the message names no model, UnknownOption if it names one we do not have."""
    model_type = named_model(asked.message)
    if model_type not in view.model_types:
        raise UnknownOption("model type", model_type, view.model_types)
    window = asked.key or digest_bytes(asked.message.encode("utf-8", "replace"))
    return Proposal(
        kind=CauseKind.COMMIT,
        key=trigger_key(view.model, CauseKind.COMMIT, window, view.data_digest),
        detail=f"a commit asked for {model_type}",
        model_type=model_type,
    )


def named_model(message: str) -> str:
    """The word after `model:`; of several, the last.

    >>> named_model("Try a deeper network\\n\\nmodel: resnet18")
    'resnet18'
    """
    named = _MODEL.findall(message)
    if not named:
        raise InvalidInput(
            "The commit message names no model to train.",
            "Add a line such as 'model: resnet18'; without one, a commit starts no retraining.",
        )
    return str(named[-1])
