"""A tile job under its lease: take the lease, work, write the marker, remove the lease."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from minecover.engines.base import Outcome, TileFacts, TileJob
from minecover.engines.machine import peak_memory
from minecover.errors import DataError, HeldError, InvalidatedError
from minecover.geography.grid import Tile
from minecover.ledger.leases import Lease
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.process_identity import this_process
from minecover.storage.checksums import recording
from minecover.storage.metering import io_counters

__all__ = ["LeasedJob"]


@dataclass(frozen=True)
class LeasedJob:
    """Works on a tile that nobody else works on, and writes what became of it into the ledger.

    The worker writes the marker itself, after the data: whatever happens to the driver, what is
    done is known.

    Attributes
    ----------
    job
        What is done to the tile.
    markers
        Of the stage and its fingerprint.
    seconds
        After which a lease that is not renewed counts as dead.
    """

    job: TileJob
    markers: TileMarkers
    seconds: float

    def __call__(self, tile: Tile) -> Outcome:
        """Take the lease of a tile and work on it.

        Returns
        -------
        The tile done, failed, held by another worker, or done by another.

        Raises
        ------
        InvalidatedError
            What the tile is made from was invalidated, or the stage's raster laid out anew.
        """
        leases = self.markers.leases(self.seconds)
        try:
            lease = leases.take(tile.name)
        except HeldError:
            return Outcome(tile, elsewhere="held")
        except DataError as error:  # too many workers died of it
            self.markers.fail(tile.name, str(error), _when())
            return Outcome(tile, error=str(error))
        with leases.holding(lease):
            return self._work(tile, lease)

    def _work(self, tile: Tile, lease: Lease) -> Outcome:
        # only now: before, its owner could finish between this look and the lease
        if self.markers.done(tile.name) is not None:
            return Outcome(tile, elsewhere="done")
        self._check_current()
        start, before = time.perf_counter(), io_counters()
        result: TileFacts = {}
        error = None
        with recording() as objects:
            try:
                result = self.job(tile)
            except DataError as caught:
                error = str(caught)
        seconds, carried = round(time.perf_counter() - start, 3), io_counters().since(before)
        facts: TileFacts = {
            **result,
            "seconds": seconds,
            "bytes_read": carried.read,
            "bytes_written": carried.written,
            "peak_mib": round(peak_memory() / 2**20),
        }
        self._check_generation()
        if error is None:
            self.markers.finish(tile.name, {**_when(lease), "facts": facts, "objects": objects})
        else:
            self.markers.fail(tile.name, error, {**_when(lease), "facts": facts})
        who: TileFacts = {"attempt": lease.attempt, "worker": _worker()}
        return Outcome(tile, {**facts, **who}, error)

    def _check_current(self) -> None:
        """Refuse to write into a raster that is another's by now, or from what is invalidated.

        Whoever lays a raster out says so first and then waits for the leases that live, and a
        worker takes its lease first and then looks: one of the two always sees the other.
        """
        if not Ledger(self.markers.store).is_laid(self.markers.stage, self.markers.fingerprint):
            raise InvalidatedError(self.markers.stage, self.markers.store.url)
        self._check_generation()

    def _check_generation(self) -> None:
        if Ledger(self.markers.store).is_over(self.markers.stage, self.markers.generation):
            raise InvalidatedError(self.markers.stage, self.markers.store.url)


def _worker() -> str:
    """Host and process, as the log names them."""
    known = this_process()
    return f"{known['host']}:{known['pid']}"


def _when(lease: Lease | None = None) -> dict[str, Any]:
    attempt = {} if lease is None else {"attempt": lease.attempt}
    return {"host": this_process()["host"], "at": round(time.time(), 3), **attempt}
