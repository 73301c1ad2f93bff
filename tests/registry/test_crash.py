"""kill -9 of a promoter at random points (F4), and promoters in several processes (F16)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from retread.core import Database, SystemClock
from retread.registry import Entry, Promoter, Registry, SqlLedger, SqlServerDirectory, fold
from retread.registry.events import PromotionCompleted, PromotionReverted, Slot, SlotAssigned

PROMOTING = Path(__file__).with_name("promoting.py")


@pytest.fixture
def versions(database: Database, maker: Any) -> SqlLedger:
    ledger = SqlLedger(database, SystemClock())
    registry = Registry(ledger, maker.store)
    for number in range(3):
        registry.register(maker.put(f"run_{number}", seed=number))
    return ledger


def started(database: Database, tmp_path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROMOTING, database.url, tmp_path / "bundles"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def killed_after(process: subprocess.Popen[str], seconds: float) -> list[tuple[int, int]]:
    """What was acknowledged to the promoter before it was killed."""
    assert line_of(process) == "ready\n"
    threading.Event().wait(seconds)
    return pairs_of(killed(process))


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def killed(process: subprocess.Popen[str]) -> str:
    """What was still to be read from it."""
    assert process.stdout is not None
    process.send_signal(signal.SIGKILL)
    with process.stdout as left:
        text = left.read()
    process.wait()
    return text


def pairs_of(text: str) -> list[tuple[int, int]]:
    """Generation and version of each promotion that was printed as a whole line."""
    lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
    pairs = [tuple(map(int, line.split())) for line in lines]
    return [(pair[0], pair[1]) for pair in pairs]


def check_order(entries: tuple[Entry, ...]) -> None:
    """Epochs only grow, and each promotion ended once before the next began."""
    opened = 0
    newest = 0
    for entry in entries:
        event = entry.event
        if isinstance(event, SlotAssigned) and event.slot is Slot.PRODUCTION:
            assert event.generation > newest
            newest = event.generation
            assert not opened, "a promotion began while another was open"
            opened = event.generation
        elif isinstance(event, PromotionCompleted | PromotionReverted):
            assert event.generation == opened
            opened = 0


@pytest.mark.slow
def test_killed_at_any_point_production_is_the_old_or_the_new_one(
    versions: SqlLedger, database: Database, tmp_path: Path, follow: Any
) -> None:
    follow("a")
    randomness = random.Random(1)
    servers = SqlServerDirectory(database, SystemClock())
    for _ in range(8):
        told = killed_after(started(database, tmp_path), randomness.uniform(0.0, 0.4))
        entries = versions.read()
        state = fold(entries)
        completions = {
            (entry.event.generation, entry.event.version)
            for entry in entries
            if isinstance(entry.event, PromotionCompleted)
        }
        assert set(told) <= completions, "what was acknowledged is durable"
        held = state.slots.get(Slot.PRODUCTION)
        allowed = {state.production, state.promotion.version if state.promotion else 0}
        assert (held.version if held else 0) in allowed
        recovered = Promoter(versions, servers, SystemClock(), timeout_s=20).recover()
        after = fold(versions.read())
        assert after.promotion is None
        assert (recovered is not None) == (state.promotion is not None)
        if state.promotion:
            assert after.production == state.promotion.version
    check_order(versions.read())
    assert SqlLedger(database, SystemClock()).verify() == len(versions.read())
    assert len([e for e in versions.read() if isinstance(e.event, PromotionCompleted)]) > 8


@pytest.mark.slow
def test_promoters_in_several_processes_take_turns(
    versions: SqlLedger, database: Database, tmp_path: Path, follow: Any
) -> None:
    follow("a")
    processes = [started(database, tmp_path) for _ in range(3)]
    assert [line_of(process) for process in processes] == ["ready\n"] * 3
    # Each has its turn while all three try.
    firsts = [line_of(process) for process in processes]
    texts = [first + killed(process) for first, process in zip(firsts, processes, strict=True)]
    told = [pair for text in texts for pair in pairs_of(text)]
    assert len(told) >= 3
    assert len(told) == len(set(told)), "no promotion was acknowledged twice"
    completed = {
        e.event.generation for e in versions.read() if isinstance(e.event, PromotionCompleted)
    }
    assert {generation for generation, _ in told} <= completed
    check_order(versions.read())
    assert versions.verify() == len(versions.read())
