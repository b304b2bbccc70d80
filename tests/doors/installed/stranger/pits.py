"""A stage after the prediction: how many pixels of each tile are mines."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from minecover.settings import Section
from minecover.storage.canonical_json import Json
from minecover.workflow.progress import Facts
from minecover.workflow.stage import Stage, StageContext, Workspace

__all__ = ["PITS", "PitSettings"]


class PitSettings(Section):
    """Section `stages.pits`."""

    smallest: int = Field(1, ge=1, description="pixels of a tile below which it has no pit")


def _count(context: StageContext) -> Facts:
    workspace = context.workspace
    survey, grid = workspace.survey, workspace.grid
    mines = [item.code for item in survey.classes if item.mine]
    layers = workspace.store.layers("map.zarr")
    pixels = {
        tile.name: int(np.isin(layers.read(grid.window(tile), ["landuse"]), mines).sum())
        for tile in grid.tiles
    }
    smallest = survey.stages["pits"].smallest
    found = {name: count for name, count in pixels.items() if count >= smallest}
    workspace.store.write_json("pits.json", found)
    return {"tiles_with_pits": len(found)}


def _depends_on(workspace: Workspace) -> Json:
    return workspace.survey.stages["pits"].model_dump(mode="json")


PITS = Stage(
    "pits",
    "count the pixels of mines in every tile",
    _depends_on,
    _count,
    after="predict",
    settings=PitSettings,
)
