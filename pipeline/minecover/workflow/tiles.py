"""Drive the tiles of a stage until each is done or failed, by whichever driver or worker."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from typing import NoReturn

from minecover.engines.base import Outcome, TileJob
from minecover.engines.engine import Engine
from minecover.engines.settings import EngineSettings
from minecover.errors import DataError
from minecover.geography.grid import Tile
from minecover.ledger.leased_job import LeasedJob
from minecover.ledger.markers import TileMarkers
from minecover.ledger.open_tiles import OpenTiles
from minecover.workflow.guard import Guard
from minecover.workflow.tile_log import log_tile
from minecover.workflow.waiting import pause

__all__ = [
    "drive",
    "reasons_of",
    "refuse_bad_tiles",
]


SHOWN = 100
"""Failed tiles that are named with their reasons."""


def drive(
    engine: Engine,
    settings: EngineSettings,
    job: TileJob,
    markers: TileMarkers,
    open_tiles: OpenTiles,
    guard: Guard,
) -> Generator[Outcome, None, None]:
    """Work on every open tile; those another worker holds are awaited, or taken when it died.

    Where the guard admits no more, the tiles in work are ended before it says why.

    Yields
    ------
    One outcome a tile that was open, none of them `held`.
    """
    leased = LeasedJob(job, markers, settings.lease)
    while open_tiles.open_count:
        held: list[Tile] = []
        admitted = _Admitted(open_tiles.open(), markers.stage, guard)
        for outcome in engine.run(settings, leased, admitted):
            guard.tile_ended(markers.stage, outcome)
            if outcome.elsewhere == "held":
                held.append(outcome.tile)
            elif open_tiles.settle(outcome.tile):
                log_tile(markers.stage, outcome)
                yield outcome
        if admitted.refused:
            guard.raise_reason(markers.stage)
        yield from _awaited(held, markers, open_tiles, settings.lease)


class _Admitted:
    """Tiles as long as the guard admits them."""

    def __init__(self, tiles: Iterator[Tile], stage: str, guard: Guard) -> None:
        self.tiles, self.stage, self.guard = tiles, stage, guard
        self.refused = False

    def __iter__(self) -> Iterator[Tile]:
        for tile in self.tiles:
            if self.refused or not self.guard.admits_tile(self.stage):
                self.refused = True
                return
            yield tile


def _awaited(
    held: Sequence[Tile], markers: TileMarkers, open_tiles: OpenTiles, seconds: float
) -> Iterator[Outcome]:
    """Wait until a tile that others held is free; yield those that they settled."""
    leases = markers.leases(seconds)
    while held:
        rest = []
        for tile in held:
            free = not leases.is_held(tile.name)
            outcome = _settled(tile, markers)  # after: its owner marks it before it lets go
            if outcome is None and free:
                return
            if outcome is None:
                rest.append(tile)
            elif open_tiles.settle(tile):
                log_tile(markers.stage, outcome)
                yield outcome
        held = rest
        if held:
            time.sleep(pause(seconds))


def _settled(tile: Tile, markers: TileMarkers) -> Outcome | None:
    """Say what another worker made of a tile, if it ended."""
    if markers.done(tile.name) is not None:
        return Outcome(tile, elsewhere="done")
    reason = markers.reason(tile.name)
    return None if reason is None else Outcome(tile, error=reason)


def reasons_of(markers: TileMarkers, bad: Sequence[str]) -> dict[str, str]:
    """Reasons for which tiles failed, by tile; of very many the first."""
    return {tile: markers.reason(tile) or "" for tile in bad[:SHOWN]}


def refuse_bad_tiles(stage: str, bad: dict[str, str], count: int) -> NoReturn:
    """Raise for tiles that failed, naming the reasons.

    Raises
    ------
    DataError
        Always.
    """
    reasons: dict[str, list[str]] = {}
    for tile, reason in bad.items():
        reasons.setdefault(reason, []).append(tile)
    lines = [f"{stage}: {count} tile(s) failed because their data is bad:"]
    for reason, tiles in list(reasons.items())[:5]:
        named = ", ".join(tiles[:3]) + (f" and {len(tiles) - 3} more" if len(tiles) > 3 else "")
        lines.append(f"  {named}: {reason}")
    lines.append(
        "fix the data and run the same command again (finished tiles are kept), "
        "or map the rest with `engine.bad_tiles: skip`"
    )
    raise DataError("\n".join(lines))
