"""A promoter in a process of its own, for the tests that kill it.

Run as `python promoting.py URL BUNDLES`: it promotes 1, 2, 3, 1, ... for ever, and prints each
promotion that was acknowledged to it.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from retread.bundle import LocalBundleStore
from retread.core import Conflict, Database, SystemClock
from retread.registry import Promoter, Registry, SqlLedger, SqlServerDirectory


def main(url: str, bundles: str) -> None:
    clock = SystemClock()
    database = Database(url)
    ledger = SqlLedger(database, clock)
    registry = Registry(ledger, LocalBundleStore(Path(bundles)))
    promoter = Promoter(ledger, SqlServerDirectory(database, clock), clock, timeout_s=20)
    promoter.recover()
    say("ready")
    for number in itertools.cycle(sorted(registry.state().versions)):
        try:
            done = promoter.promote(number, force_reason="a test of crashes")
        except Conflict:
            continue
        say(f"{done.generation} {done.version}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
