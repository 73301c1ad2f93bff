"""The story of a demo: acts, and what happens in them, told as it goes."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from retread.core import Clock


class Tone(StrEnum):
    """How a line is meant."""

    ACT = "act"
    HAPPENING = "happening"
    GOOD = "good"
    ALARM = "alarm"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, `at_s` seconds after the beginning."""

    at_s: float
    tone: Tone
    text: str


class Teller(Protocol):
    """Whoever the story is told to."""

    def tell(self, line: Line) -> None: ...

    def progress(self, text: str) -> None:
        """What is being worked on just now; '' when that is over."""
        ...


class Story:
    """Tells lines with the time since its beginning, and keeps them."""

    def __init__(self, clock: Clock, teller: Teller) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self.began = clock.now()
        self._teller = teller
        self.lines: list[Line] = []

    @property
    def seconds(self) -> float:
        """How long the story has been going on."""
        return self._clock.monotonic() - self._start

    def act(self, title: str) -> None:
        self.say(title, Tone.ACT)

    def say(self, text: str, tone: Tone = Tone.HAPPENING) -> None:
        line = Line(at_s=self.seconds, tone=tone, text=text)
        self.lines.append(line)
        self._teller.tell(line)

    def progress(self, text: str = "") -> None:
        self._teller.progress(text)
