"""Threads for work that is too heavy for the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Crew:
    """A few threads, and how many jobs they were given and have not done."""

    def __init__(self, name: str, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self.backlog = 0

    def run(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], Result],
        done: Callable[[Result], None],
    ) -> None:
        """Do `work` in a thread, then `done` in the event loop; `work` must not raise."""
        self.backlog += 1

        def finished(result: Result) -> None:
            self.backlog -= 1
            done(result)

        def job() -> None:
            loop.call_soon_threadsafe(finished, work())

        self._pool.submit(job)

    async def result(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
