"""Tile stages whose kernels are stubs, with the real driver, ledger and store behind them.

Faults and costs of the machinery can be studied on them without a satellite image.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from minecover.engines.base import TileFacts
from minecover.engines.local import LOCAL
from minecover.errors import DataError
from minecover.geography.grid import Tile
from minecover.storage.canonical_json import Json
from minecover.storage.fingerprint import fingerprint
from minecover.storage.names import MANIFEST_FILE
from minecover.storage.raster_array import stacked
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext

__all__ = ["NumberJob", "number_stages", "tile_survey"]

EDGE = 32
"""Pixels of a tile's edge: the least a survey may have."""


@dataclass(frozen=True)
class NumberJob:
    """Writes numbers that depend on the pixel's place and on nothing else.

    Attributes
    ----------
    store_url, survey, raster
        What is written.
    seconds
        How long a tile takes.
    bad
        Tiles whose data is bad.
    writes
        False: nothing is written at all.
    """

    store_url: str
    survey: Survey
    raster: str
    seconds: float = 0.0
    bad: tuple[str, ...] = ()
    writes: bool = True

    def __call__(self, tile: Tile) -> TileFacts:
        """Wait, then write one tile."""
        time.sleep(self.seconds)
        if tile.name in self.bad:
            raise DataError(f"{tile.name}: B04 is truncated")
        if self.writes:
            grid = survey_grid(self.survey)
            window = grid.window(tile)
            values = np.arange(np.prod(window.shape), dtype=np.float32).reshape(1, *window.shape)
            values += np.float32(1000 * tile.row + tile.column)
            Store(self.store_url).layers(self.raster).write_tile(grid, tile, values)
        return {"pixels": EDGE**2}


def tile_survey(store: str, rows: int, columns: int, **engine: Json) -> Survey:
    """Describe a survey of `rows` x `columns` small tiles; `engine` is its section.

    Its stages are worked on in this process unless `engine` says otherwise.
    """
    edge = 10 * EDGE
    box = (500_000, 4_000_000, 500_000 + edge * columns, 4_000_000 + edge * rows)
    document = {
        "name": "stubs",
        "area": {"bbox": box, "crs": "EPSG:32649"},
        "grid": {"crs": "EPSG:32649", "tile": EDGE},
        "seasons": {"year": ["2024-01-01/2024-12-31"]},
        "catalog": {"url": "none.json"},
        "classes": [{"code": code, "name": f"class{code}", "colour": "#000000"} for code in (1, 2)],
        "samples": {"path": "none.csv"},
        "engine": {"tiles": LOCAL.name, "prediction": LOCAL.name, **engine},
        "store": store,
    }
    return Survey.model_validate(document)


def number_stages(
    version: str = "A", *, seconds: float = 0.0, bad: tuple[str, ...] = (), writes: bool = True
) -> tuple[Stage, ...]:
    """Make a stage without tiles, `catalog`, and two with, `cube` and `features`.

    Parameters
    ----------
    version
        Goes into the fingerprint of `cube`, as a changed setting would.
    seconds, bad, writes
        Of the jobs; see `NumberJob`.
    """

    def catalog(context: StageContext) -> Facts:
        context.workspace.store.write_json(MANIFEST_FILE, {"fingerprint": context.fingerprint})
        return {"items": 0}

    def tiles(name: str) -> Stage:
        def work(context: StageContext) -> Facts:
            survey = context.workspace.survey
            job = NumberJob(survey.store, survey, f"{name}.zarr", seconds, bad, writes)
            target = Target(f"{name}.zarr", (stacked(("number",)),))
            return context.do_tiles(target, job)

        return Stage(
            name,
            "",
            lambda workspace: fingerprint(name, version),
            work,
            has_tiles=lambda survey: True,
            reach="neighbours",
        )

    return Stage("catalog", "", lambda workspace: None, catalog), tiles("cube"), tiles("features")
