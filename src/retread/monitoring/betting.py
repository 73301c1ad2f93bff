"""Testing by betting on bounded values (Waudby-Smith and Ramdas 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, log1p, log2

import msgspec
import numpy as np
import numpy.typing as npt

# Shares of the largest stake that cannot lose everything.
_STAKES = np.array([0.02, 0.04, 0.08, 0.14, 0.22, 0.32, 0.45, 0.6, 0.8, 0.95])


class BettingTest(msgspec.Struct, frozen=True, kw_only=True):
    """A test of the hypothesis that the mean of the values is at most 0.

    As long as the mean of each value given those before is at most 0, the chance that `evidence`
    ever reaches log(c) is at most 1/c, however often it is computed (Ville's inequality).

    Attributes:
        lower_bound: All values are at least `-lower_bound`.
        any_time: Keeps part of the wealth for a change that begins later, with any batch.
        log_wealth: The log of the wealth per stake, of the bets placed so far.
        batches: The number of batches of values so far.
        values: The number of values so far.
        total: Their sum.
    """

    lower_bound: float = msgspec.field(name="worst")
    any_time: bool = False
    log_wealth: tuple[float, ...] = ()
    batches: int = 0
    values: int = 0
    total: float = 0.0

    @property
    def evidence(self) -> float:
        """The log of the wealth, averaged over the stakes; 0 before the first value."""
        if not self.log_wealth:
            return 0.0
        top = max(self.log_wealth)
        placed = top + log(sum(exp(w - top) for w in self.log_wealth) / len(_STAKES))
        if not self.any_time:
            return placed
        waiting = log(waiting_share(self.batches))
        return max(placed, waiting) + log1p(exp(-abs(placed - waiting)))

    @property
    def mean(self) -> float:
        """The mean of the values; NaN before the first."""
        return self.total / self.values if self.values else float("nan")

    def update(self, values: Sequence[float]) -> BettingTest:
        """Return the test after another batch of values, each at least `-lower_bound`.

        >>> BettingTest(lower_bound=0.5).update([0.5] * 20).evidence > 3
        True
        """
        if not values:
            return self
        array = np.asarray(values, dtype=np.float64)
        gains = np.log1p(_STAKES[:, None] * (array / self.lower_bound)).sum(axis=1)
        return BettingTest(
            lower_bound=self.lower_bound,
            any_time=self.any_time,
            log_wealth=tuple((_placed(self) + gains).tolist()),
            batches=self.batches + 1,
            values=self.values + len(array),
            total=self.total + float(array.sum()),
        )


def waiting_share(batches: int) -> float:
    """Return the prior probability that a change begins after `batches`.

    It falls so slowly that a change after thousands of quiet batches is still detected.

    >>> waiting_share(0), waiting_share(6)
    (1.0, 0.3333333333333333)
    """
    return 1.0 / log2(batches + 2)


def _placed(test: BettingTest) -> npt.NDArray[np.float64]:
    before = np.array(test.log_wealth or (-np.inf,) * len(_STAKES))
    if test.any_time:
        begins = waiting_share(test.batches) - waiting_share(test.batches + 1)
        return np.asarray(np.logaddexp(before, log(begins)))
    return before if test.batches else np.zeros(len(_STAKES))
