"""Layers of mines by period: a GeoPackage with a style inside, and the same as GeoParquet.

They are written period by period, so memory grows with the mines of one period.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely
from matplotlib.colors import to_hex

from minecover.geography.ground_area import Surface
from minecover.products.mines import VERSION, change_date
from minecover.products.product import Publication
from minecover.products.vector_style import add_style, category_style
from minecover.simulated import simulation_tags

__all__ = ["LAYER", "MineLayers", "Shapes", "period_colours"]

LAYER, GENEALOGY = "mines", "genealogy"

LABEL = "concat(\"mine\", '\\n', round(\"area_ha\", 1), ' ha')"
"""Id and area of each outline."""

COLOURS = "viridis_r"
"""Matplotlib's colour map of the periods: the first is light, the last dark."""

DECIMALS = 6
"""Of hectares, shares and degrees."""

Shapes = Mapping[int, shapely.MultiPolygon]
"""Outlines of mines by id."""


@dataclass(frozen=True)
class MineLayers:
    """The two files of a publication.

    Attributes
    ----------
    publication
        Of a survey with periods.
    periods
        Their names in order.
    package, parquet
        Where the files are written.
    """

    publication: Publication
    periods: tuple[str, ...]
    package: Path
    parquet: Path

    def write(
        self, table: pd.DataFrame, outlines: Iterable[Shapes], genealogy: pd.DataFrame
    ) -> pd.DataFrame:
        """Write the rows of a table with their outlines.

        Parameters
        ----------
        table
            `mine`, `period` and figures.
        outlines
            By period in order the mines that have an outline in it.
        genealogy
            Becomes a layer without geometry.

        Returns
        -------
        The table with the columns `lon` and `lat` (WGS 84): the centre of a mine's outline in
        the period, or of its last one before.
        """
        places = np.full((len(table), 2), np.nan)
        frames = _located(table, outlines, self.periods, Surface(self.publication.grid), places)
        # the day of the survey, not of the clock: equal maps give equal bytes
        with change_date(self.publication.days[1]):
            self._write(frames)
            pyogrio.write_dataframe(
                genealogy, self.package, layer=GENEALOGY, driver="GPKG", append=True
            )
            style = category_style("period", period_colours(self.periods), LABEL)
            add_style(self.package, LAYER, style, self.publication.days[1])
        return table.assign(lon=places[:, 0], lat=places[:, 1])

    def _write(self, frames: Iterable[gpd.GeoDataFrame]) -> None:
        """Write the rows of one period after the other into both files."""
        tags = simulation_tags(self.publication.simulated)
        frames = iter(frames)
        first = next(frames)
        pyogrio.write_dataframe(
            first, self.package, layer=LAYER, driver="GPKG", geometry_type="MultiPolygon",
            dataset_metadata=tags, VERSION=VERSION,
        )  # fmt: skip
        with closing(pq.ParquetWriter(self.parquet, _arrow(first).schema)) as parquet:
            parquet.write_table(_arrow(first))
            for frame in frames:
                parquet.write_table(_arrow(frame))
                pyogrio.write_dataframe(
                    frame, self.package, layer=LAYER, driver="GPKG",
                    geometry_type="MultiPolygon", append=True,
                )  # fmt: skip


def period_colours(periods: Iterable[str]) -> dict[str, str]:
    """Give every period a colour, as #rrggbb, light to dark."""
    names = list(periods)
    shades = mpl.colormaps[COLOURS](np.linspace(0.05, 0.95, len(names)))
    return {name: to_hex(shade) for name, shade in zip(names, shades, strict=True)}


def _located(
    table: pd.DataFrame,
    outlines: Iterable[Shapes],
    periods: Iterable[str],
    surface: Surface,
    places: np.ndarray,
) -> Iterable[gpd.GeoDataFrame]:
    """Give the rows of each period with their outlines, and note their places by row."""
    known: dict[int, tuple[float, float]] = {}
    for name, shapes in zip(periods, outlines, strict=True):
        if shapes:
            centres = shapely.get_coordinates(shapely.centroid(list(shapes.values())))
            known |= dict(zip(shapes, surface.degrees(centres).tolist(), strict=True))
        own = np.flatnonzero(table["period"] == name)
        rows = table.iloc[own]
        places[own] = np.array([known[mine] for mine in rows["mine"]]).reshape(-1, 2)
        rows = rows.assign(lon=places[own, 0], lat=places[own, 1]).round(DECIMALS)
        geometry = np.array([shapes.get(mine) for mine in rows["mine"]], dtype=object)
        yield gpd.GeoDataFrame(rows, geometry=geometry, crs=surface.grid.crs)


def _arrow(frame: gpd.GeoDataFrame) -> pa.Table:
    """Rows as GeoParquet 1.0 has them: outlines as WKB, described in the schema."""
    outlines = shapely.to_wkb(frame.geometry.to_numpy())
    plain = pa.Table.from_pandas(pd.DataFrame(frame.drop(columns="geometry")), preserve_index=False)
    rows = plain.append_column("geometry", pa.array(outlines, pa.binary()))
    column = {
        "encoding": "WKB",
        "geometry_types": ["MultiPolygon"],
        "crs": pyproj.CRS(frame.crs).to_json_dict(),
    }
    described = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
    return rows.replace_schema_metadata({"geo": json.dumps(described)})
