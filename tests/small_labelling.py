"""A small labelling project, for the tests of what people label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np

from minecover.labelling.opening import begin_labelling, open_project
from minecover.labelling.session import Labelling
from small_store import SmallStore

HOSTILE = '<img src="x" onerror="document.body.dataset.hacked = 1">'


def points_file(made: SmallStore, path: Path, count: int, name: str = "p") -> Path:
    """Write points in the middle of pixels along row 20, from column 12 on, without labels."""
    columns = np.arange(12, 12 + count)
    x, y = made.grid.geobox.affine @ (columns % 80 + 0.5, 20.5 + columns // 80)
    table = gpd.GeoDataFrame(
        {"id": [f"{name}{n}" for n in range(1, count + 1)]},
        geometry=gpd.points_from_xy(x, y),
        crs=made.grid.crs,
    )
    table.to_file(path, driver="GPKG")
    return path


def labelling(
    made: SmallStore,
    folder: Path,
    points: Path | None,
    labeller: str = "ann",
    basemap: str | None = None,
) -> Labelling:
    """Open the project of a folder for somebody; the data is marked as simulated."""
    project = open_project(made.survey, folder, points, basemap)
    return replace(begin_labelling(made.survey, project, labeller), simulated=("Sentinel-2",))
