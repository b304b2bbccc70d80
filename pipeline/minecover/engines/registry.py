"""Engines by name: where tiles are worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minecover.registry import Registry

if TYPE_CHECKING:
    from minecover.engines.engine import Engine

__all__ = ["ENGINES"]

ENGINES: Registry[Engine] = Registry(
    "engine",
    "minecover.engines",
    "minecover.engines.engine:Engine",
    {
        "dask": "minecover.engines.dask:DASK",
        "ray": "minecover.engines.ray:RAY",
        "local": "minecover.engines.local:LOCAL",
    },
)
"""The engine does not change the result: a tile is written by whoever works on it, all the same."""
