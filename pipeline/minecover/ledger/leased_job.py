"""A tile job behind its claim: claim, work, marker, claim removed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from minecover.engines.base import Outcome, TileFacts, TileJob
from minecover.engines.machine import peak_memory
from minecover.errors import DataError, HeldError, WithdrawnError
from minecover.geography.grid import Tile
from minecover.ledger.leases import Lease
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.ledger.process_identity import this_process
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
    marks
        Of the stage and its fingerprint.
    lease
        Seconds after which a claim that is not renewed counts as dead.
    """

    job: TileJob
    marks: TileMarkers
    lease: float

    def __call__(self, tile: Tile) -> Outcome:
        """Claim a tile and work on it.

        Returns
        -------
        The tile done, set aside, held by another worker, or done by another.

        Raises
        ------
        WithdrawnError
            What the tile is made from was withdrawn, or the stage's raster laid out anew.
        """
        claims = self.marks.claims(self.lease)
        try:
            claim = claims.take(tile.name)
        except HeldError:
            return Outcome(tile, elsewhere="held")
        except DataError as error:  # too many workers died of it
            self.marks.set_aside(tile.name, str(error), _when())
            return Outcome(tile, error=str(error))
        with claims.keeping(claim):
            return self._claimed(tile, claim)

    def _claimed(self, tile: Tile, claim: Lease) -> Outcome:
        # only now: before, the owner could finish between this look and the claim
        if self.marks.done(tile.name) is not None:
            return Outcome(tile, elsewhere="done")
        self._check_standing()
        start, before = time.perf_counter(), io_counters()
        result: TileFacts = {}
        error = None
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
        self._check_edition()
        if error is None:
            self.marks.finish(tile.name, {**_when(claim), "facts": facts})
        else:
            self.marks.set_aside(tile.name, error, {**_when(claim), "facts": facts})
        who: TileFacts = {"attempt": claim.attempt, "worker": _worker()}
        return Outcome(tile, {**facts, **who}, error)

    def _check_standing(self) -> None:
        """Refuse to write into a raster that is another's by now, or from what is withdrawn.

        Whoever lays a raster out says so first and then waits for the claims that live, and a
        worker claims first and then looks: one of the two always sees the other.
        """
        if not Ledger(self.marks.store).is_laid(self.marks.stage, self.marks.mark):
            raise WithdrawnError(self.marks.stage, self.marks.store.url)
        self._check_edition()

    def _check_edition(self) -> None:
        if Ledger(self.marks.store).is_over(self.marks.stage, self.marks.edition):
            raise WithdrawnError(self.marks.stage, self.marks.store.url)


def _worker() -> str:
    """Host and process, as the log names them."""
    known = this_process()
    return f"{known['host']}:{known['pid']}"


def _when(claim: Lease | None = None) -> dict[str, Any]:
    attempt = {} if claim is None else {"attempt": claim.attempt}
    return {"host": this_process()["host"], "at": round(time.time(), 3), **attempt}
