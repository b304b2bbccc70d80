"""Files of points to label: a GeoPackage, and the same as a table with longitude and latitude."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from minecover.geography.boundary import WGS84
from minecover.storage.names import PRODUCTS_FOLDER
from minecover.workflow.stage import Workspace

__all__ = ["LABEL", "PERIOD", "write_points"]

LABEL, PERIOD = "class", "period"
"""Columns that are called in files as the survey's samples have them."""

DEGREES = 7
"""Decimal places of longitude and latitude: a centimetre."""


def write_points(workspace: Workspace, name: str, points: gpd.GeoDataFrame) -> None:
    """Write points under `products/`, as `NAME.csv` and `NAME.gpkg`.

    Class and period are in the columns that the survey's samples have them in. The table has
    longitude and latitude as x and y: `samples` reads it with `crs: EPSG:4326`.
    """
    store, its = workspace.store, workspace.survey.samples
    points = points.rename(columns={LABEL: its.column, PERIOD: its.period})
    degrees = points.geometry.to_crs(WGS84)
    columns = pd.DataFrame(points.drop(columns="geometry"))
    table = columns.assign(x=degrees.x.round(DEGREES), y=degrees.y.round(DEGREES))
    with store.writing_file(f"{PRODUCTS_FOLDER}{name}.csv") as path:
        table.to_csv(path, index=False, lineterminator="\n")
    with store.writing_file(f"{PRODUCTS_FOLDER}{name}.gpkg") as path:
        points.to_file(path, driver="GPKG", layer=name)
