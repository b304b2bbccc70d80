"""A discrete-event simulation of workers on the tiles of a stage.

What it knows of: how long tiles take (drawn from what a ledger measured, stragglers with the
rest), a worker's start, a driver that serves one worker at a time, storage that all workers share,
and workers that are taken away, with leases and repeated tiles as in
`minecover.ledger.leases`.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minecover.errors import SurveyError
from minecover.ledger.leases import DEATHS
from minecover.planning.shared_bandwidth import SharedBandwidth

__all__ = ["Pool", "Simulated", "drawn", "simulate"]

Seconds = npt.NDArray[np.float64]

LIVES = 5.0
"""Mean lives of a worker that a tile may take with its worker's start: one in 150 such succeeds."""


@dataclass(frozen=True)
class Pool:
    """Workers, and what happens to them. Times are in seconds.

    Attributes
    ----------
    workers
        At once.
    start
        From a worker's beginning until it takes its first tile.
    renewed
        Tiles after which a worker starts anew, as the pod of the next index does; None: never.
    dealt
        Whether every worker has its own share of the tiles, as an index has, instead of taking
        the next tile that is open.
    driver
        What the one driver needs for a tile, one at a time.
    stream, bandwidth
        Bytes a second that one worker moves, and that the storage gives all of them.
    preemptions
        Of a worker in an hour.
    announced
        Share of these in which the worker gives back its tile in time; else its lease must end.
    replaced
        Until another takes a lost worker's place, its start not counted.
    lease, deaths
        As in the ledger: how long a lease holds, and workers that may die of a tile.
    """

    workers: int
    start: float = 0.0
    renewed: int | None = None
    dealt: bool = False
    driver: float = 0.0
    stream: float = math.inf
    bandwidth: float = math.inf
    preemptions: float = 0.0
    announced: float = 1.0
    replaced: float = 60.0
    lease: float = 120.0
    deaths: int = DEATHS


@dataclass(frozen=True)
class Simulated:
    """What became of a stage.

    Attributes
    ----------
    seconds
        Until the last tile is done or has failed.
    held, useful
        Worker-seconds that are paid, the waiting of a pool of fixed size with them; and those of
        attempts that ended in a tile.
    done, failed
        Tiles.
    attempts, preempted
        Tiles begun, and workers lost.
    """

    seconds: float
    held: float
    useful: float
    done: int
    failed: int
    attempts: int
    preempted: int

    @property
    def efficiency(self) -> float:
        """Share of what is paid that ended in tiles, 0-1."""
        return self.useful / self.held if self.held else 1.0


def drawn(spread: Sequence[float], mean: float, tiles: int, rng: np.random.Generator) -> Seconds:
    """Draw the seconds of tiles from measured ones.

    Parameters
    ----------
    spread
        Measured times, in any unit.
    mean
        Seconds that their mean stands for.
    tiles
        How many.
    rng
        Draws with replacement.
    """
    measured = np.asarray(spread, dtype=np.float64)
    return rng.choice(measured / measured.mean() * mean, tiles)


def simulate(
    seconds: Seconds, pool: Pool, rng: np.random.Generator, moved: float = 0.0
) -> Simulated:
    """Have a pool of workers do tiles.

    Parameters
    ----------
    seconds
        Of every tile, its transfers at `pool.stream` with it.
    pool
        Who does them.
    rng
        Draws when workers are lost.
    moved
        Bytes that a tile reads and writes.

    Raises
    ------
    SurveyError
        Workers do not live long enough for a tile.
    """
    longest = (pool.start + float(np.max(seconds, initial=0.0))) * pool.preemptions / 3600
    if longest > LIVES:
        raise SurveyError(
            f"--preemptions {pool.preemptions:g}: a worker lives {3600 / pool.preemptions:.0f} s "
            f"on average, and its start and a tile take {3600 * longest / pool.preemptions:.0f} s; "
            "take smaller tiles"
        )
    return _Simulation(seconds, pool, rng, moved).run()


@dataclass
class _Worker:
    """One place in the pool; `life` counts the workers that had it."""

    life: int = 0
    began: float = 0.0
    tile: int | None = None
    tile_began: float = 0.0
    tiles: int = 0
    idle: bool = False


Event = tuple[float, int, Callable[[int], None], int, int | None]


class _Simulation:
    def __init__(
        self, seconds: Seconds, pool: Pool, rng: np.random.Generator, moved: float
    ) -> None:
        self.pool, self.rng = pool, rng
        self.pipe = SharedBandwidth(pool.bandwidth, pool.stream)
        shared = math.isfinite(pool.bandwidth) or math.isfinite(pool.stream)
        self.moved = moved if shared else 0.0
        # a tile that took less than its bytes need was served from memory
        self.alone: list[float] = np.maximum(0.0, seconds - self.moved / pool.stream).tolist()
        queues = pool.workers if pool.dealt else 1
        self.queues = [deque(range(n, len(seconds), queues)) for n in range(queues)]
        self.deaths = [0] * len(seconds)
        self.workers = [_Worker() for _ in range(pool.workers)]
        self.events: list[Event] = []
        self.count = 0
        self.now = self.driver_free = self.held = self.useful = 0.0
        self.unsettled = len(seconds)
        self.done = self.failed = self.attempts = self.preempted = 0

    def run(self) -> Simulated:
        """Go from event to event until no tile is open."""
        for place in range(self.pool.workers if self.unsettled else 0):
            self._arrive(place)
        while self.unsettled:
            event = self.events[0][0] if self.events else math.inf
            if self.pipe.next_end() < event:
                self.now, place = self.pipe.pop()
                self._finish(place)
                continue
            self.now, _, happen, place, life = heapq.heappop(self.events)
            if life is None or self.workers[place].life == life:
                happen(place)
        held = self.held + sum(max(0.0, self.now - worker.began) for worker in self.workers)
        return Simulated(
            self.now, held, self.useful, self.done, self.failed, self.attempts, self.preempted
        )

    def _at(self, time: float, happen: Callable[[int], None], number: int) -> None:
        """Plan an event of a place, which falls away with its worker, or of a tile."""
        self.count += 1
        life = None if happen == self._reopen else self.workers[number].life
        heapq.heappush(self.events, (time, self.count, happen, number, life))

    def _arrive(self, place: int) -> None:
        worker = self.workers[place]
        worker.began, worker.tiles = self.now, 0
        if self.pool.preemptions:
            life = float(self.rng.exponential(3600 / self.pool.preemptions))
            self._at(self.now + life, self._lose, place)
        self._at(self.now + self.pool.start, self._take, place)

    def _queue(self, number: int) -> deque[int]:
        return self.queues[number % len(self.queues)]

    def _take(self, place: int) -> None:
        """Give a worker the next tile, when the driver gets to it."""
        worker, queue = self.workers[place], self._queue(place)
        worker.idle = not queue
        if worker.idle:
            return
        worker.tile, worker.tile_began = queue.popleft(), self.now
        worker.tiles += 1
        self.attempts += 1
        self.driver_free = max(self.driver_free, self.now) + self.pool.driver
        ended = self.driver_free if self.pool.driver else self.now
        self._at(ended + self.alone[worker.tile], self._transfer, place)

    def _transfer(self, place: int) -> None:
        if self.moved:
            self.pipe.add(self.now, place, self.moved)
        else:
            self._finish(place)

    def _finish(self, place: int) -> None:
        worker = self.workers[place]
        self.useful += self.now - worker.tile_began
        worker.tile = None
        self.done += 1
        self.unsettled -= 1
        renewed = self.pool.renewed is not None and worker.tiles % self.pool.renewed == 0
        if renewed and self._queue(place):
            self._at(self.now + self.pool.start, self._take, place)
        else:
            self._take(place)

    def _lose(self, place: int) -> None:
        """Take a worker away; another comes in its place."""
        worker = self.workers[place]
        self.preempted += 1
        self.held += self.now - worker.began
        self.pipe.remove(self.now, place)
        tile, worker.tile, worker.idle = worker.tile, None, False
        worker.life += 1
        worker.began = self.now + self.pool.replaced
        self._at(worker.began, self._arrive, place)
        if tile is not None:
            self._lose_tile(tile)

    def _lose_tile(self, tile: int) -> None:
        if self.rng.random() < self.pool.announced:
            self._reopen(tile)
            return
        self.deaths[tile] += 1
        if self.deaths[tile] == self.pool.deaths:
            self.failed += 1
            self.unsettled -= 1
            return
        # renewed at every third of it
        rest = self.pool.lease * (1 - self.rng.random() / 3)
        self._at(self.now + rest, self._reopen, tile)

    def _reopen(self, tile: int) -> None:
        queue = self._queue(tile)
        queue.append(tile)
        for place, worker in enumerate(self.workers):
            if worker.idle and self._queue(place) is queue:
                self._take(place)
                return
