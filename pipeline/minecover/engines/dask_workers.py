"""Workers of a Dask cluster, while a driver waits for what they do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future as Answer
from concurrent.futures import wait
from typing import Any

from distributed import Client, Future, as_completed

from minecover.engines.absence import PATIENCE, Absence
from minecover.errors import TryAgainError

__all__ = ["DaskWorkers"]

EVERY = 5.0
"""Seconds between looks whether there are any."""


class DaskWorkers:
    """Workers of a cluster; one that has none is not waited for without end, as Dask would."""

    def __init__(self, client: Client) -> None:
        self._client, self._next = client, 0.0
        self.address = client.scheduler.address
        own = client.cluster is not None
        busy, start = "this machine is very busy", f"start some (`dask worker {self.address}`)"
        lack = f"the Dask cluster at {self.address} has had no worker"
        self._absence = Absence(lack, busy if own else start)

    def count(self) -> int:
        """Ask the scheduler how many there are.

        Raises
        ------
        TryAgainError
            There has been none for long, or the scheduler does not answer.
        """
        answer = self._asked(self._client.scheduler.identity(n_workers=0))
        try:
            found: int = answer.result(PATIENCE)["n_workers"]
        except OSError as error:  # no answer in time, and no connection, are such, too
            raise TryAgainError(
                f"the Dask scheduler at {self.address} does not answer; start it again and run the "
                "same command, it resumes where it stopped"
            ) from error
        finally:
            answer.cancel()
        self._absence.note(present=found > 0)
        self._next = time.monotonic() + EVERY
        return found

    def check(self) -> None:
        """Ask now and then; a client that has lost its scheduler says so itself."""
        if self.are_led() and time.monotonic() >= self._next:
            self.count()

    def are_led(self) -> bool:
        """Tell whether the client has not lost their scheduler."""
        return bool(self._client.status == "running")

    def awaited(self) -> int:
        """Wait for the first; how many there are then."""
        while not (found := self.count()):
            time.sleep(EVERY / 10)
        return found

    def result(self, future: Future) -> Any:  # noqa: ANN401
        """Fetch what a task gave, which is computed again where the worker that had it is lost."""
        answer = self._asked(self._client.gather(future, asynchronous=True))
        try:
            while not wait([answer], timeout=1.0).done:
                self.check()
            return answer.result()
        finally:
            answer.cancel()

    def _asked(self, question: Coroutine[Any, Any, Any]) -> Answer[Any]:
        """Let the client's own thread wait for an answer."""
        return asyncio.run_coroutine_threadsafe(question, self._client.loop.asyncio_loop)

    def finished(self, running: as_completed) -> Iterator[Future]:
        """Give tasks that are done, in the order in which they are."""
        while not running.is_empty():
            if running.has_ready():
                yield next(running)
                continue
            with running.thread_condition:
                running.thread_condition.wait(0.1)
            self.check()
