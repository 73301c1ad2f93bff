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
    """Bets against `the mean of the values is at most 0`; values are at least `-worst`.

    `log_wealth` has one entry a stake, for the bets already placed. With `any_time` part of the
    money waits for a change to come, and each batch of values may be its beginning. As long as
    each value's mean given those before is at most 0, the chance that `evidence` ever reaches
    log(c) is at most 1/c, however often it is looked at (Ville).
    """

    worst: float
    any_time: bool = False
    log_wealth: tuple[float, ...] = ()
    batches: int = 0
    values: int = 0
    total: float = 0.0

    @property
    def evidence(self) -> float:
        """Log of the wealth, stakes mixed evenly; 0 before the first value."""
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
        """Mean of the values; NaN before the first."""
        return self.total / self.values if self.values else float("nan")


def place(bets: BettingTest, values: Sequence[float]) -> BettingTest:
    """The bets after one more batch of `values`, each at least `-worst`.

    >>> place(BettingTest(worst=0.5), [0.5] * 20).evidence > 3
    True
    """
    if not values:
        return bets
    array = np.asarray(values, dtype=np.float64)
    gains = np.log1p(_STAKES[:, None] * (array / bets.worst)).sum(axis=1)
    return BettingTest(
        worst=bets.worst,
        any_time=bets.any_time,
        log_wealth=tuple((_placed(bets) + gains).tolist()),
        batches=bets.batches + 1,
        values=bets.values + len(array),
        total=bets.total + float(array.sum()),
    )


def waiting_share(batches: int) -> float:
    """Prior chance that a change begins after `batches`: it falls so slowly that a change after
    thousands of quiet batches is still found.

    >>> waiting_share(0), waiting_share(6)
    (1.0, 0.3333333333333333)
    """
    return 1.0 / log2(batches + 2)


def _placed(bets: BettingTest) -> npt.NDArray[np.float64]:
    before = np.array(bets.log_wealth or (-np.inf,) * len(_STAKES))
    if bets.any_time:
        begins = waiting_share(bets.batches) - waiting_share(bets.batches + 1)
        return np.asarray(np.logaddexp(before, log(begins)))
    return before if bets.batches else np.zeros(len(_STAKES))
