"""What is known of a pixel beside the map: its features, those of the classes, nearest samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from minecover.arrays import Float64Array
from minecover.errors import SurveyError
from minecover.geography.grid import Window
from minecover.samples.class_quartiles import class_quartiles
from minecover.samples.sample_set import SampleSet
from minecover.stages.shown_layers import season_of
from minecover.storage.canonical_json import Json, null_for_nan
from minecover.storage.raster import Raster
from minecover.viewing.raster_tiles import RasterTiles

__all__ = ["Places"]

TOP = 8
"""Features of the highest ranks that are listed."""

NEAREST = 5


@dataclass(frozen=True)
class Places:
    """Answers what is at a pixel.

    Attributes
    ----------
    tiles
        Rasters and seasons; of `features` all layers are read.
    samples
        Labelled points; None: there are none.
    ranked
        Names of the features that the model learns from, the highest rank first.
    corner
        Left and top of the grid in its CRS.
    resolution
        Edge of a pixel, metres.
    """

    tiles: RasterTiles
    samples: SampleSet | None
    ranked: Sequence[str]
    corner: tuple[float, float]
    resolution: float

    def describe(self, column: int, row: int, period: str = "") -> Json:
        """Describe a pixel, in a period where there are several; empty: the latest.

        Returns
        -------
        `seasons`; `features`: name to `values` by season and the `classes`' quartiles `low`,
        `middle`, `high` by season; `top`: features by rank, each with its value and the classes'
        quartiles; `nearest`: labelled points with their distance in metres, of any period.

        Raises
        ------
        SurveyError
            The pixel is not on the grid.
        """
        has_features = "features" in self.tiles.rasters
        features = self.tiles.raster("features", period) if has_features else None
        height, width = next(iter(self.tiles.rasters.values())).shape
        if not (0 <= row < height and 0 <= column < width):
            raise SurveyError(f"there is no pixel {column}, {row} on a grid of {width} x {height}")
        values = {} if features is None else _values(features, column, row)
        return null_for_nan(
            {
                "seasons": list(self.tiles.seasons),
                "features": self._through_seasons(values),
                "top": self._top(values),
                "nearest": self._nearest(column, row),
            }
        )

    def points(self, period: str = "") -> list[list[Json]]:
        """Easting, northing and class of the labelled points, of one period where one is named."""
        if self.samples is None:
            return []
        table: pd.DataFrame = self.samples.table
        wanted = table[self.samples.periods == period] if period else table
        rows = wanted[["x", "y", "name"]].itertuples(index=False)
        return [[float(x), float(y), str(name)] for x, y, name in rows]

    @cached_property
    def _quartiles(self) -> dict[str, dict[str, list[float]]]:
        """Layer to class to its quartiles among the labelled points."""
        if self.samples is None:
            return {}
        return class_quartiles(self.samples.table, self.samples.layers)

    def _through_seasons(self, values: dict[str, float]) -> dict[str, Json]:
        """Features that there are in every season, where that is more than one."""
        seasons = list(self.tiles.seasons)
        names = dict.fromkeys(season_of(name, seasons)[1] for name in values)
        found: dict[str, Json] = {}
        for name in names:
            layers = [f"{season}_{name}" for season in seasons]
            own = [values.get(layer, math.nan) for layer in layers]
            if len(seasons) > 1 and all(layer in values for layer in layers):
                found[name] = {"values": own, "classes": self._classes(layers)}
        return found

    def _classes(self, layers: Sequence[str]) -> dict[str, Json]:
        quartiles = [self._quartiles.get(layer, {}) for layer in layers]
        names = set.intersection(*(set(each) for each in quartiles)) if quartiles else set()
        return {
            name: {
                key: [each[name][place] for each in quartiles]
                for place, key in enumerate(("low", "middle", "high"))
            }
            for name in sorted(names)
        }

    def _top(self, values: dict[str, float]) -> list[dict[str, Json]]:
        names = [name for name in self.ranked if name in values][:TOP]
        return [
            {"name": name, "value": values[name], "classes": self._quartiles.get(name, {})}
            for name in names
        ]

    def _nearest(self, column: int, row: int) -> list[dict[str, Json]]:
        if self.samples is None or not len(self.samples):
            return []
        left, top = self.corner
        x, y = left + (column + 0.5) * self.resolution, top - (row + 0.5) * self.resolution
        table: pd.DataFrame = self.samples.table
        metres: Float64Array = np.hypot(table["x"].to_numpy() - x, table["y"].to_numpy() - y)
        order = np.argsort(metres, kind="stable")[:NEAREST]
        rows = table.iloc[order]
        facts = zip(
            rows["id"], rows["name"], metres[order], self.samples.periods[order], strict=True
        )
        return [
            {"id": str(name), "class": str(kind), "metres": float(distance), "period": str(period)}
            for name, kind, distance, period in facts
        ]


def _values(features: Raster, column: int, row: int) -> dict[str, float]:
    here = features.read(Window(row, row + 1, column, column + 1))[:, 0, 0]
    return dict(zip(features.names, (float(value) for value in here), strict=True))
