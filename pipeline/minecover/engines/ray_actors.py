"""Tiles on Ray: one actor a worker, each keeping its model loaded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count

import ray

from minecover.engines.absence import Absence
from minecover.engines.base import Outcome, Work, attempt
from minecover.engines.session import check_head, ray_session, why_lost
from minecover.engines.settings import EngineSettings
from minecover.errors import TryAgainError
from minecover.geography.grid import Tile

__all__ = ["run"]

IN_FLIGHT = 2
"""Tiles a worker has: one in work and one to go on with."""

LOSSES = 20
"""Workers that may be lost one after the other without a tile being done."""


class _Worker:
    """Holds one job; the job caches what it loads in this process."""

    def __init__(self, job: Work) -> None:
        self.job = job

    def greet(self) -> None:
        """Answer: it has started."""

    def work(self, tile: Tile) -> Outcome:
        return attempt(self.job, tile)


class _Crew:
    """Workers, what each is at, and what is still to do.

    Ray would restart a lost worker and repeat its tiles there, but where a host is gone for good
    there may be no place for it, and they would wait for ever. So tiles of a lost worker go to
    the others, and its successor gets some when it has started.
    """

    def __init__(self, settings: EngineSettings, job: Work, tiles: Iterable[Tile]) -> None:
        self.queue, self.again = iter(tiles), deque[Tile]()
        # where the cluster has GPUs the workers share them out; a Ray without any gives them none
        gpus = min(1.0, ray.cluster_resources().get("GPU", 0.0) / settings.workers)
        self.actor = ray.remote(num_cpus=settings.threads, num_gpus=gpus)(_Worker)
        self.job, self.numbers = job, count()
        self.workers: dict[int, ray.actor.ActorHandle] = {}
        self.ready: dict[int, int] = {}  # tiles in flight of those that have started
        self.pending: dict[ray.ObjectRef, tuple[int, Tile | None]] = {}
        self.losses = 0
        self.absence = Absence(
            "the Ray cluster has had no worker",
            f"it needs {settings.threads} free CPUs for each worker (`engine.threads`); start "
            "nodes, or ask for less",
        )
        for _ in range(settings.workers):
            self.hire()

    def hire(self) -> None:
        number = next(self.numbers)
        self.workers[number] = self.actor.remote(self.job)
        self.pending[self.workers[number].greet.remote()] = number, None

    def next_tile(self) -> Tile | None:
        return self.again.popleft() if self.again else next(self.queue, None)

    def hand_out(self) -> bool:
        """Give every worker its share; tell whether any tile is in work or waits for a worker."""
        for number in self.ready:
            while self.ready[number] < IN_FLIGHT and (tile := self.next_tile()) is not None:
                self.pending[self.workers[number].work.remote(tile)] = number, tile
                self.ready[number] += 1
        if not self.ready and (tile := self.next_tile()) is not None:
            self.again.appendleft(tile)
        return bool(self.again) or any(tile is not None for _, tile in self.pending.values())

    def settle(self, done: ray.ObjectRef) -> Iterator[Outcome]:
        """Take what a worker answered; none where it is lost or has only started."""
        number, tile = self.pending.pop(done)
        try:
            outcome = ray.get(done)
        except ray.exceptions.RayTaskError as error:  # first: it may be of its cause's class too
            raise error.cause from None
        except ray.exceptions.RayError as error:  # dead, cut off, or killed for its memory
            self.lose(number, tile, error)
            return
        self.ready[number] = self.ready.get(number, 0) - (tile is not None)
        if tile is not None:
            self.losses = 0
            yield outcome

    def lose(self, number: int, tile: Tile | None, error: Exception) -> None:
        """Take a lost worker's tiles back, and start another."""
        self.losses += 1
        if self.losses > LOSSES:
            raise TryAgainError(
                f"{self.losses} workers were lost one after the other ({why_lost(error)}); give "
                "them more memory or take smaller tiles, then run the same command again"
            )
        mine = [ref for ref, (owner, _) in self.pending.items() if owner == number]
        taken = [tile, *(self.pending.pop(ref)[1] for ref in mine)]
        self.again.extend(tile for tile in taken if tile is not None)
        self.ready.pop(number, None)
        ray.kill(self.workers.pop(number))  # it may be cut off and not dead
        self.hire()

    def check(self) -> None:
        """Refuse to wait for a cluster that comes to nothing."""
        check_head()
        self.absence.note(present=bool(self.ready))


def run(settings: EngineSettings, job: Work, tiles: Iterable[Tile]) -> Iterator[Outcome]:
    """Two tiles in flight for each worker; the tiles of a lost one are done by others.

    Raises
    ------
    TryAgainError
        The cluster lost its head, or its workers again and again.
    """
    with ray_session(settings):
        crew = _Crew(settings, job, tiles)
        while crew.hand_out():
            done, _ = ray.wait(list(crew.pending), num_returns=1, timeout=1.0)
            crew.check()
            for reference in done:
                yield from crew.settle(reference)
