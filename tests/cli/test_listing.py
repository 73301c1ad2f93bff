"""Lists fit a terminal, and are complete and plain in a pipe."""

from __future__ import annotations

import io
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from retread.cli.listing import Listing, ListingColumn

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
words = st.text(string.ascii_letters + "数据 ", max_size=60)


def shown(listing: Listing, width: int, *, terminal: bool) -> list[str]:
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=terminal, color_system=None, soft_wrap=True
    )
    console.print(listing)
    return file.getvalue().splitlines()


def runs() -> Listing:
    listing = Listing(
        "Runs",
        "run",
        "model type",
        ListingColumn("started", drop=1),
        ListingColumn("bundle", drop=2),
        ListingColumn("reason", wrap=True),
    )
    reason = "cut the learning rate in half, because the loss of epoch 3 was not finite"
    listing.add("a1b2c3d4", "gradient_boosting", "2026-11-28 07:54:03 UTC", "9f86d081884c", reason)
    return listing


def test_u09_a_narrow_terminal_leaves_out_columns_and_wraps_the_text() -> None:
    lines = shown(runs(), 80, terminal=True)
    assert lines[1].split() == ["run", "model", "type", "started", "reason"]
    assert all(cell_len(line) <= 80 for line in lines)
    assert ELLIPSIS not in "".join(lines)
    assert "gradient_boosting" in lines[2]
    assert "started" not in shown(runs(), 60, terminal=True)[1]
    wide = shown(runs(), 200, terminal=True)
    assert "9f86d081884c" in wide[2]
    assert len(wide) == 3


@pytest.mark.parametrize("width", [20, 80])
def test_u09_a_pipe_gets_every_column_on_one_line(width: int) -> None:
    lines = shown(runs(), width, terminal=False)
    assert len(lines) == 3
    assert "9f86d081884c" in lines[2]
    assert lines[2].endswith("the loss of epoch 3 was not finite")
    assert "\x1b" not in "".join(lines)


@given(
    rows=st.lists(st.tuples(words, words, words), min_size=1, max_size=4),
    width=st.integers(60, 120),
)
def test_u09_no_letter_is_lost_and_nothing_is_wider_than_the_terminal(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    middle = ListingColumn("b", drop=1)
    listing = Listing(
        "", ListingColumn("a", drop=2, wrap=True), middle, ListingColumn("c", wrap=True)
    )
    for row in rows:
        listing.add(*row)
    lines = shown(listing, width, terminal=True)
    text = "".join(lines)
    assert ELLIPSIS not in text
    kept = Counter("".join(row[2] for row in rows).replace(" ", ""))
    assert kept <= Counter(text)
    assert all(cell_len(line) <= width for line in lines)
