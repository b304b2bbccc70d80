"""How often pixels were seen clear, season by season."""

from __future__ import annotations

import numpy as np

from minecover.arrays import Int64Array
from minecover.products.product import Observations
from minecover.sources.manifest import Manifest
from minecover.sources.registry import sources_of
from minecover.storage.names import CUBE_RASTER
from minecover.workflow.stage import Workspace

__all__ = ["clear_observations"]


def clear_observations(workspace: Workspace, manifest: Manifest) -> list[Observations]:
    """Count clear observations of a pixel, by season, for each source that counts them.

    Counted tile by tile in a histogram, so that memory does not grow with the area.
    """
    counted = [
        (source, season, layer.in_season(season))
        for source in sources_of(workspace.survey.sources)
        for layer in source.layers()
        if layer.group == "count"
        for season in workspace.survey.seasons
    ]
    cube = workspace.store.layers(CUBE_RASTER)
    counts = np.zeros((len(counted), 1000), dtype=np.int64)
    for tile in workspace.grid.tiles:
        block = cube.read(workspace.grid.window(tile), [name for _, _, name in counted])
        for index, layer in enumerate(block):
            seen = layer[np.isfinite(layer)].astype(np.int64)
            counts[index] += np.bincount(np.minimum(seen, 999), minlength=1000)
    return [
        _observations(source.label, season, len(manifest.items(source.name, season)), histogram)
        for (source, season, _), histogram in zip(counted, counts, strict=True)
        if histogram.any()
    ]


def _observations(source: str, season: str, items: int, histogram: Int64Array) -> Observations:
    present = np.flatnonzero(histogram)
    return Observations(
        source=source,
        season=season,
        items=items,
        minimum=int(present[0]),
        median=int(np.searchsorted(histogram.cumsum(), histogram.sum() / 2)),
        maximum=int(present[-1]),
        unobserved=round(float(histogram[0] / histogram.sum()), 6),
    )
