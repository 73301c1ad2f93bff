from __future__ import annotations

import pytest

from retread.core import Backoff

BACKOFF = Backoff(first_s=0.5, longest_s=30.0, jitter=0.25)


def test_pauses_double_up_to_the_limit() -> None:
    assert [BACKOFF.pause_s(n) for n in (1, 2, 3, 7, 8)] == [0.5, 1.0, 2.0, 30.0, 30.0]


@pytest.mark.parametrize("attempt", [100, 10_000])
def test_any_number_of_attempts_is_accepted(attempt: int) -> None:
    assert BACKOFF.pause_s(attempt) == 30.0


def test_jitter_adds_at_most_its_share() -> None:
    assert BACKOFF.pause_s(2, random=0.5) == 1.125
    assert BACKOFF.pause_s(20, random=0.999_999) < 30.0 * 1.25


def test_a_server_may_ask_for_a_longer_pause_but_not_for_a_shorter_one() -> None:
    assert BACKOFF.pause_s(1, at_least_s=60.0) == 60.0
    assert BACKOFF.pause_s(3, at_least_s=0.1) == 2.0
