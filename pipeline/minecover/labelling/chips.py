"""What a labeller sees of a point: the ground around it in every season, read from the cube."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from minecover.arrays import Float32Array
from minecover.errors import StoreError, SurveyError
from minecover.geography.grid import Window
from minecover.stages.shown_layers import season_of
from minecover.storage.canonical_json import Json
from minecover.storage.names import CUBE_RASTER
from minecover.storage.store import Store
from minecover.viewing.raster_tiles import RasterTiles

__all__ = ["EDGES", "Chips", "open_chips"]

EDGES = (33, 65, 129)
"""Pixels along a chip, odd: the point's own is in the middle."""

GREENNESS = ("#7a4a1e", "#d9c27a", "#f2efd0", "#7cb45a", "#0b5a2a")
"""Of NDVI from -0.2 to 0.9."""


@dataclass(frozen=True)
class Chips:
    """Pictures of the cube around points.

    Attributes
    ----------
    tiles
        With the raster `cube`.
    """

    tiles: RasterTiles

    @cached_property
    def pictures(self) -> list[dict[str, Json]]:
        """True and false colour and NDVI by season, as entries of `layers.json`.

        NDVI is computed from the two that are `stored`, near infrared and red.
        """
        coloured = self.tiles.layers()
        return [self._placed(item) for item in (*coloured, *_greenness(coloured))]

    def _placed(self, item: dict[str, Json]) -> dict[str, Json]:
        """Say in which season a picture was taken, and with what others it is in a row."""
        split = [season_of(name, self.tiles.seasons) for name in item["stored"]]
        row = " ".join((item["group"], *(plain for _, plain in split)))
        return {**item, "season": split[0][0], "row": row}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Layers of the cube of which a chip is made."""
        return tuple(dict.fromkeys(name for item in self.pictures for name in item["stored"]))

    def read(self, row: int, column: int, edge: int, period: str) -> Float32Array:
        """Read the square around a pixel.

        Returns
        -------
        (layer, edge, edge) float32 of `names`, NaN where nothing was observed and off the grid.

        Raises
        ------
        SurveyError
            There is no such edge or period.
        """
        if edge not in EDGES:
            raise SurveyError(f"edge: {edge}; one of {', '.join(map(str, EDGES))} pixels")
        half = edge // 2
        window = Window(row - half, row + half + 1, column - half, column + half + 1)
        return self.tiles.raster("cube", period).read(window, self.names)


def _greenness(coloured: list[dict[str, Json]]) -> Iterator[dict[str, Json]]:
    for item in coloured:
        if item["group"] == "False colour":
            near_infrared, red, _ = item["stored"]
            yield {
                **item, "id": f"ndvi.{near_infrared}", "group": "NDVI", "kind": "ndvi",
                "title": item["title"].replace("False colour", "NDVI"), "tiles": None,
                "stored": [near_infrared, red], "low": -0.2, "high": 0.9, "unit": "1",
                "colours": list(GREENNESS),
            }  # fmt: skip


def open_chips(store: Store, seasons: tuple[str, ...]) -> Chips:
    """Open the cube of a store.

    Raises
    ------
    StoreError
        There is none, or no sensor in it sees red, green, blue and near infrared.
    """
    if store.read(f"{CUBE_RASTER}/zarr.json") is None:
        raise StoreError(
            f"{store.url}/{CUBE_RASTER}: not there, so there is nothing to look at; run "
            "`minecover cube SURVEY` first"
        )
    chips = Chips(RasterTiles({"cube": store.layers(CUBE_RASTER)}, seasons))
    if not chips.pictures:
        raise StoreError(
            f"{store.url}/{CUBE_RASTER}: no sensor in it sees red, green and blue, so there is "
            "nothing to look at; label in QGIS, or add an optical source to the survey"
        )
    return chips
