"""Reference points drawn from the truth."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyogrio
from rasterio import transform
from scipy import ndimage

from minecover.demo.frame import ImageGrid
from minecover.demo.materials import CLASSES, Land
from minecover.demo.noise import stream
from minecover.errors import SurveyError

__all__ = ["POINTS", "draw_samples", "write_samples"]

#: Points per class for a district of 512 x 512 pixels, as in the paper (2,870 in all).
POINTS: dict[Land, int] = {
    Land.FOREST_GRASS: 600,
    Land.WATER: 200,
    Land.BUILT_UP: 670,
    Land.BARE_LAND: 200,
    Land.MINING: 600,
    Land.RESTORED: 600,
}
FEWEST = 12  # points of a class, however small the district
EDGE_WEIGHT = 0.3  # of a pixel beside another class: interpreters prefer unambiguous ones


def draw_samples(
    truth: npt.NDArray[np.uint8], grid: ImageGrid, seed: int, scale: float
) -> gpd.GeoDataFrame:
    """Draw points at random within each class, fewer at its edges, no two in one pixel.

    Parameters
    ----------
    truth
        Class codes 1 to 6 on `grid`.
    grid
        Grid of the truth.
    seed
        Seed of the random points.
    scale
        Factor on the number of points; they also scale with the area.

    Returns
    -------
    geopandas.GeoDataFrame
        Column ``class`` (name) and points in EPSG:4326, in random order.

    Raises
    ------
    SurveyError
        A class does not occur in the truth.
    """
    area = truth.size / 512**2
    edge = ndimage.minimum_filter(truth, 3) != ndimage.maximum_filter(truth, 3)
    picks, names = [], []
    for land, usual in POINTS.items():
        pixels = np.flatnonzero(truth == land)
        if not pixels.size:
            raise SurveyError(
                f"the simulated district of {truth.shape[0]} pixels and seed {seed} has no "
                f"{CLASSES[land][0]}: give another size or another seed"
            )
        count = min(max(FEWEST, round(usual * scale * area)), len(pixels))
        weight = np.where(edge.flat[pixels], EDGE_WEIGHT, 1.0)
        rng = stream(seed, "samples", land)
        picks.append(rng.choice(pixels, count, replace=False, p=weight / weight.sum()))
        names += [CLASSES[land][0]] * count
    flat = np.concatenate(picks)
    order = stream(seed, "order").permutation(len(flat))
    rows, columns = np.unravel_index(flat[order], truth.shape)
    shift = stream(seed, "jitter").uniform(-0.3, 0.3, (2, len(flat)))
    x, y = transform.xy(grid.transform, rows + shift[0], columns + shift[1])
    points = gpd.GeoDataFrame(
        {"class": np.array(names)[order]}, geometry=gpd.points_from_xy(x, y), crs=grid.crs
    )
    return points.to_crs("EPSG:4326")


def write_samples(points: gpd.GeoDataFrame, path: Path) -> None:
    """Write the points as a GeoPackage that holds no time of writing: same points, same bytes."""
    path.unlink(missing_ok=True)
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2022-03-01T00:00:00.000Z"})
    try:
        points.to_file(path, layer="samples", driver="GPKG", engine="pyogrio")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
