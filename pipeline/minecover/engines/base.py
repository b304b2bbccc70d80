"""The protocol of a tile job, and what becomes of a tile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from minecover.errors import DataError
from minecover.geography.grid import Tile

__all__ = [
    "Outcome",
    "TileJob",
    "Work",
]

TileFacts = dict[str, float | int | str]


class TileJob(Protocol):
    """Work on one tile: a hashable, picklable value.

    A worker calls it for many tiles; what is costly to set up (an open array, a loaded model) is
    cached in the worker's process by the value of the job.
    """

    def __call__(self, tile: Tile) -> TileFacts:
        """Read, compute and write one tile; return figures for the ledger.

        Raises
        ------
        DataError
            The tile's data is bad: it fails, the others go on.
        """


@dataclass(frozen=True)
class Outcome:
    """What became of a tile.

    Attributes
    ----------
    tile
        Which.
    facts
        Figures of a finished one.
    error
        The reason where it failed.
    elsewhere
        `held`: another worker is at it, come back later; `done`: another finished it.
    """

    tile: Tile
    facts: TileFacts = field(default_factory=dict)
    error: str | None = None
    elsewhere: Literal["held", "done"] | None = None

    @property
    def state(self) -> Literal["done", "failed", "held", "elsewhere"]:
        """One word for the log."""
        if self.error:
            return "failed"
        if self.elsewhere:
            return "held" if self.elsewhere == "held" else "elsewhere"
        return "done"


Work = Callable[[Tile], TileFacts | Outcome]
"""A tile job, or one that says itself what became of the tile."""


def attempt(job: Work, tile: Tile) -> Outcome:
    """Run a job on a tile; bad data becomes an outcome, every other error passes through."""
    start = time.perf_counter()
    try:
        result = job(tile)
    except DataError as error:
        return Outcome(tile, {}, str(error))
    if isinstance(result, Outcome):
        return result
    return Outcome(tile, {**result, "seconds": round(time.perf_counter() - start, 3)})
