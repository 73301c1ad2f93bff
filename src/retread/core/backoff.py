"""Pauses between attempts: exponential, with a limit and jitter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """An exponential backoff.

    Attributes:
        first_s: Pause after the first failed attempt, in seconds.
        longest_s: Upper limit of a pause, before jitter.
        factor: Growth of the pause from one attempt to the next.
        jitter: Largest share of the pause that is added at random, so that clients which failed
            together do not all return together.
    """

    first_s: float
    longest_s: float
    factor: float = 2.0
    jitter: float = 0.0

    def pause_s(self, attempt: int, random: float = 0.0, *, at_least_s: float = 0.0) -> float:
        """Return the pause after a failed attempt.

        Args:
            attempt: Number of failed attempts so far, from 1.
            random: A random number in [0, 1), which determines the jitter. It is passed in so that
                the result can be reproduced.
            at_least_s: Lower limit of the pause, such as the Retry-After of a server.

        Returns:
            The pause in seconds.

        >>> backoff = Backoff(first_s=2.0, longest_s=600.0, jitter=0.25)
        >>> [backoff.pause_s(n) for n in (1, 2, 3, 20)], backoff.pause_s(1, random=0.5)
        ([2.0, 4.0, 8.0, 600.0], 2.25)
        """
        try:
            pause = min(self.first_s * self.factor ** max(attempt - 1, 0), self.longest_s)
        except OverflowError:
            pause = self.longest_s
        return max(pause, at_least_s) * (1.0 + self.jitter * random)
