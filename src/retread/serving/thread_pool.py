"""Threads for work that is too heavy for the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

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
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Run `work` in a thread, then one of two callbacks in the event loop.

        Args:
            loop: The event loop, which also is the caller's.
            work: The job.
            on_done: Takes what `work` returned.
            on_error: Takes what `work` raised.

        Raises:
            RuntimeError: The pool is closed.
        """

        def end(callback: Callable[[Any], None], value: Any) -> None:
            self.backlog -= 1
            callback(value)

        def job() -> None:
            try:
                result = work()
            except BaseException as error:  # it would end nowhere, and the caller would wait
                loop.call_soon_threadsafe(end, on_error, error)
            else:
                loop.call_soon_threadsafe(end, on_done, result)

        self._executor.submit(job)
        self.backlog += 1

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns in a thread, or raise what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        """Wait for running jobs and drop those that have not begun."""
        self._executor.shutdown(wait=True, cancel_futures=True)
