"""The engine that is this process: one tile at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minecover.engines.base import Outcome, Work, attempt
from minecover.engines.engine import Engine
from minecover.engines.settings import EngineSettings
from minecover.geography.grid import Tile

__all__ = ["LOCAL", "in_this_process"]


def _run(settings: EngineSettings, job: Work, tiles: Iterable[Tile]) -> Iterator[Outcome]:
    del settings
    for tile in tiles:
        yield attempt(job, tile)


LOCAL = Engine("local", _run, alone=True)


def in_this_process(settings: EngineSettings) -> EngineSettings:
    """Give settings under which all tiles are worked on in this process."""
    return settings.replace(tiles=LOCAL.name, prediction=LOCAL.name)
