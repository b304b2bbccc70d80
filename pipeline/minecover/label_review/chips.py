"""Small pictures of the ground around points, in the natural colours of every season."""

from __future__ import annotations

import geopandas as gpd
import numpy as np

from minecover.products.figures import Picture, photo, photo_limits
from minecover.samples.sample_set import patches_by_period
from minecover.sources.optical import OpticalSource
from minecover.sources.registry import sources_of
from minecover.stages.natural_colours import natural_bands
from minecover.storage.names import CUBE_RASTER
from minecover.storage.store import Layers, Store
from minecover.workflow.stage import Workspace

__all__ = ["chips_of"]

EDGE = 33
"""Edge of a picture in pixels of the grid, odd: the point's own is in the middle."""

ENLARGED = 4
"""Pixels of the picture along a pixel of the grid: JPEG blurs colours over two."""


def chips_of(workspace: Workspace, points: gpd.GeoDataFrame) -> list[dict[str, Picture]]:
    """Draw the ground around points, season by season, of the points' own periods.

    Each season is drawn from the same dark to the same bright at all points.

    Parameters
    ----------
    workspace
        Whose cube it is.
    points
        With row, col and, of a survey of periods, period.

    Returns
    -------
    Of each point name of the season to its picture; none where no source has the colours.
    """
    store, bands = workspace.store, _bands(workspace)
    if not bands or not len(points):
        return [{} for _ in range(len(points))]

    def cube(period: str) -> Layers:
        return store.layers(CUBE_RASTER, period)

    names = [name for season in bands.values() for name in season]
    patches = patches_by_period(points, cube, EDGE, names)
    colours = patches.reshape(len(points), len(bands), 3, EDGE, EDGE)
    canvases = np.moveaxis(colours, 2, -1).repeat(ENLARGED, axis=2).repeat(ENLARGED, axis=3)
    limits = {season: photo_limits(*canvases[:, place]) for place, season in enumerate(bands)}
    return [
        {
            season: photo(canvas, EDGE, limits[season])
            for season, canvas in zip(bands, of_point, strict=True)
        }
        for of_point in canvases
    ]


def _bands(workspace: Workspace) -> dict[str, list[str]]:
    """Layers of red, green and blue of each season, of the first source that has them all."""
    known = _known(workspace.store)
    for source in sources_of(workspace.survey.sources):
        bands = natural_bands(type(source)) if isinstance(source, OpticalSource) else None
        if bands is None:
            continue
        found = {s: [f"{s}_{band}" for band in bands] for s in workspace.survey.seasons}
        complete = {season: names for season, names in found.items() if known >= set(names)}
        if complete:
            return complete
    return {}


def _known(store: Store) -> set[str]:
    return set(store.layers(CUBE_RASTER).names)
