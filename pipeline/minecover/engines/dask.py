"""The engine that is a Dask cluster: one that runs already, or one started for the stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from minecover.engines.base import Outcome, Work
from minecover.engines.engine import Engine
from minecover.engines.settings import EngineSettings
from minecover.engines.timeouts import DASK as ENVIRONMENT
from minecover.geography.grid import Tile

__all__ = ["DASK"]

# Dask's cluster takes a second to import, for nothing where work is done elsewhere


def _run(settings: EngineSettings, job: Work, tiles: Iterable[Tile]) -> Iterator[Outcome]:
    from minecover.engines.dask_cluster import run

    return run(settings, job, tiles)


def _spread(
    settings: EngineSettings,
    shared: Any,  # noqa: ANN401
    job_of: Callable[[Any], Callable[[Any], Any]],
    pieces: Iterable[Any],
) -> Iterator[tuple[Any, Any]]:
    from minecover.engines.dask_cluster import spread

    return spread(settings, shared, job_of, pieces)


DASK = Engine(
    "dask",
    _run,
    start=3.0,
    address_key="dask_address",
    environment=ENVIRONMENT,
    spread=_spread,
)
