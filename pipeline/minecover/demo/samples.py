"""Reference points drawn from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
from rasterio import transform
from scipy import ndimage

from minecover.demo.calendar import Year
from minecover.demo.frame import ImageGrid
from minecover.demo.materials import CLASSES, Land
from minecover.demo.noise import stream
from minecover.demo.years import unlabelled_period
from minecover.errors import SurveyError

__all__ = ["POINTS", "draw_history_samples", "draw_samples", "write_layer"]

#: Points per class for a district of 512 x 512 pixels, as in the paper (2,870 in all).
POINTS: dict[Land, int] = {
    Land.FOREST_GRASS: 600,
    Land.WATER: 200,
    Land.BUILT_UP: 670,
    Land.BARE_LAND: 200,
    Land.MINING: 600,
    Land.RESTORED: 600,
}
DAY = "07-15"  # on which points of a period were looked at
FEWEST = 12  # points of a class, however small the district
EDGE_WEIGHT = 0.3  # of a pixel beside another class: interpreters prefer unambiguous ones


def draw_samples(
    truth: npt.NDArray[np.uint8], grid: ImageGrid, seed: int, scale: float, period: int = 0
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
    period
        Number of the period: each has points of its own.

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
        rng = stream(seed, "samples", land + len(CLASSES) * period)
        picks.append(rng.choice(pixels, count, replace=False, p=weight / weight.sum()))
        names += [CLASSES[land][0]] * count
    flat = np.concatenate(picks)
    order = stream(seed, "order", period).permutation(len(flat))
    rows, columns = np.unravel_index(flat[order], truth.shape)
    shift = stream(seed, "jitter", period).uniform(-0.3, 0.3, (2, len(flat)))
    x, y = transform.xy(grid.transform, rows + shift[0], columns + shift[1])
    points = gpd.GeoDataFrame(
        {"class": np.array(names)[order]}, geometry=gpd.points_from_xy(x, y), crs=grid.crs
    )
    return points.to_crs("EPSG:4326")


def draw_history_samples(
    truth: npt.NDArray[np.uint8], grid: ImageGrid, seed: int, scale: float, years: Sequence[Year]
) -> gpd.GeoDataFrame:
    """Draw points for every period but one, each with its period and a date in its summer.

    Parameters
    ----------
    truth
        (period, y, x), class codes 1 to 6 on `grid`.
    grid, seed, scale
        As of `draw_samples`.
    years
        The periods.
    """
    parts = []
    for year, codes in zip(years, truth, strict=True):
        if year.number != unlabelled_period(len(years)):
            points = draw_samples(codes, grid, seed, scale, year.number)
            day = f"{year.name}-{DAY}"
            parts.append(points.assign(period=year.name, date=day))
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=parts[0].crs)


def write_layer(table: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    """Write a GeoPackage that holds no time of writing: same rows, same bytes."""
    path.unlink(missing_ok=True)
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2022-03-01T00:00:00.000Z"})
    try:
        table.to_file(path, layer=layer, driver="GPKG", engine="pyogrio")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
