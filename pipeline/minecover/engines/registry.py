"""Engines by name: where tiles are worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from minecover.engines.base import Outcome, Work, attempt
from minecover.engines.settings import EngineSettings
from minecover.errors import MinecoverError
from minecover.geography.grid import Tile

__all__ = ["run_tiles"]


def run_tiles(
    kind: str, settings: EngineSettings, job: Work, tiles: Iterable[Tile]
) -> Iterator[Outcome]:
    """Work on tiles in any order, with a bounded number in flight.

    Parameters
    ----------
    kind
        `local`, `dask` or `ray`.
    settings
        Workers, threads and addresses.
    job
        What is done to each tile.
    tiles
        Streamed: never held as a whole.
    """
    # Dask and Ray are imported where they are used: each takes seconds
    runner: Callable[[EngineSettings, Work, Iterable[Tile]], Iterator[Outcome]]
    if kind == "dask":
        from minecover.engines.dask import run as runner
    elif kind == "ray":
        from minecover.engines.ray import run as runner
    elif kind == "local":
        runner = _run_local
    else:
        raise MinecoverError(f"no engine {kind!r}")
    return runner(settings, job, tiles)


def _run_local(settings: EngineSettings, job: Work, tiles: Iterable[Tile]) -> Iterator[Outcome]:
    del settings  # one process, one tile at a time
    for tile in tiles:
        yield attempt(job, tile)
