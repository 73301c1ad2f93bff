"""Threads for work that is too heavy for the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class BoundedThreadPool:
    """A fixed number of threads, and the number of jobs that are not done yet.

    Callers compare `backlog` with a limit of their own before they add a job.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self.backlog = 0

    def submit(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], Result],
        on_done: Callable[[Result], None],
    ) -> None:
        """Run `work` in a thread, then `on_done` with its result in the event loop.

        Args:
            loop: The event loop, which also is the caller's.
            work: Must not raise.
            on_done: Takes what `work` returned.
        """
        self.backlog += 1

        def finish(result: Result) -> None:
            self.backlog -= 1
            on_done(result)

        def job() -> None:
            loop.call_soon_threadsafe(finish, work())

        self._executor.submit(job)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns in a thread, or raise what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        """Wait for running jobs and drop those that have not begun."""
        self._executor.shutdown(wait=True, cancel_futures=True)
