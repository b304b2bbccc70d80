"""The engine that is a Ray cluster: one that runs already, or one started for the stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minecover.engines.base import Outcome, Work
from minecover.engines.engine import Engine
from minecover.engines.settings import EngineSettings
from minecover.engines.timeouts import RAY as ENVIRONMENT
from minecover.geography.grid import Tile

__all__ = ["RAY"]


def _run(settings: EngineSettings, job: Work, tiles: Iterable[Tile]) -> Iterator[Outcome]:
    # Ray takes seconds to import, for nothing where work is done elsewhere
    from minecover.engines.ray_actors import run

    return run(settings, job, tiles)


RAY = Engine("ray", _run, start=12.0, address_key="ray_address", environment=ENVIRONMENT)
