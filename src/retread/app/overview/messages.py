"""Messages to people that did not arrive, or may not have."""

from __future__ import annotations

import msgspec

from retread.loop import MessageState, Outbox

_RECENT = 15
_MEANINGS = {
    MessageState.UNCONFIRMED: "may have arrived; it is not sent again",
    MessageState.GIVEN_UP: "was given up; it is not sent again",
}


class UnsettledMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message by its key, to whom it should go, and what is known of it."""

    key: str
    notifier: str
    state: MessageState

    @property
    def text(self) -> str:
        """What is known of it, as a sentence."""
        return f"Message {self.key} to {self.notifier} {_MEANINGS[self.state]}."


def unsettled(outbox: Outbox) -> tuple[UnsettledMessage, ...]:
    """The latest of each kind, in the order in which they were written."""
    return tuple(
        UnsettledMessage(key=key, notifier=notifier, state=state)
        for state in _MEANINGS
        for key, notifier in outbox.keys(state)[-_RECENT:]
    )
