"""How many classes a pixel may be of, where the assessment found sets (`assessment.sets`).

``sets.tif``, uint8: number of classes in the set of each pixel, 1 and more; 0 is nodata. The tags
``LEVEL`` and ``COVERAGE`` say which share of the points of a class sets are to hold, and which
share of held-out points they held in blocks that they were not found from.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from rasterio.io import DatasetWriter

from minecover.accuracy.sets import class_sets
from minecover.products.cog import MEDIA_TYPE, Raster, writing_cogs
from minecover.products.product import File, Product, Publication
from minecover.simulated import simulation_tags
from minecover.storage.canonical_json import Json
from minecover.storage.names import probability_layers

__all__ = ["CLASS_SETS", "SETS_FILE", "published_sets"]

SETS_FILE = "sets.tif"


class ClassSets(Product[float]):
    """One COG; its result is the share of the mapped pixels whose set has several classes."""

    name = "class_sets"

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List it where sets were found."""
        sets = _sets(publication)
        if sets is None:
            return ()
        title = f"Number of classes in the set that holds the true one at {sets['level']:.0%}"
        return (File(SETS_FILE, title, MEDIA_TYPE, "sets", ("data", "uncertainty")),)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> float:
        """Write it tile by tile."""
        sets, grid = _sets(publication), publication.grid
        if sets is None:
            return 0.0
        least = np.array(_least(publication, sets))
        names = probability_layers(item.name for item in publication.classes)
        raster = Raster(paths[SETS_FILE], 1, partial(_describe, publication, sets), "uint8", 0)
        mapped = several = 0
        with writing_cogs(grid, [raster]) as (writer,):
            for tile in grid.tiles:
                window = grid.window(tile)
                chosen = class_sets(publication.map.read(window, names), least, axis=0)
                count = np.where(grid.area_mask(window), chosen.sum(axis=0), 0).astype(np.uint8)
                mapped, several = mapped + int((count > 0).sum()), several + int((count > 1).sum())
                writer.write(window, count[None])
        return several / mapped if mapped else 0.0


CLASS_SETS = ClassSets()


def published_sets(publication: Publication) -> dict[str, Json] | None:
    """Give the `level` of the sets and the `least` probability of each class; None without sets."""
    sets = _sets(publication)
    if sets is None:
        return None
    return {"level": sets["level"], "least": _least(publication, sets)}


def _least(publication: Publication, sets: Mapping[str, Json]) -> list[float]:
    return [sets["least_probability"][item.name] for item in publication.classes]


def _sets(publication: Publication) -> Mapping[str, Json] | None:
    found: Mapping[str, Json] | None = (publication.accuracy or {}).get("sets")
    return found


def _describe(publication: Publication, sets: Mapping[str, Json], dataset: DatasetWriter) -> None:
    dataset.set_band_description(1, "classes in the set")
    dataset.update_tags(
        QUANTITY="number of classes in the conformal set (arXiv:1209.2673)", LEVEL=sets["level"]
    )
    if sets["coverage"] is not None:
        dataset.update_tags(COVERAGE=f"{sets['coverage']['value']:.4f}")
    dataset.update_tags(**simulation_tags(publication.simulated))
