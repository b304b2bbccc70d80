"""Mines followed through the periods of a survey: ids, outlines, figures and genealogy.

=========================  ===========================================================
file                       what it holds
=========================  ===========================================================
``mine_ids.tif``           uint32, one band a period: id of the mine of each pixel; 0: none
``mine_history.gpkg``      layers `mines`, a row for each mine and period with its outline in
                           the period, and `genealogy`; a style by period inside
``mine_history.parquet``   the layer `mines` as GeoParquet
``mine_history.csv``       the same without outlines
``mine_genealogy.csv``     the layer `genealogy`
=========================  ===========================================================

Only where the survey has periods. Equal maps give equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import shapely
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window as RasterWindow

from minecover.arrays import BoolArray, Float32Array, Float64Array
from minecover.geography.grid import Window
from minecover.geography.ground_area import SQUARE_MILLIMETRES, Surface
from minecover.mine_history.cover import measure_cover
from minecover.mine_history.evidence import confidences
from minecover.mine_history.following import FollowedIds
from minecover.mine_history.patches import Patches
from minecover.mine_history.table import (
    areas_of,
    births_of,
    genealogy_table,
    history_table,
    probabilities_of,
)
from minecover.mine_history.timeline import Timeline
from minecover.mine_history.tracking import Tracks
from minecover.products.cog import MEDIA_TYPE, Raster, writing_cogs
from minecover.products.measured_outlines import to_map
from minecover.products.mine_layers import MineLayers, Shapes
from minecover.products.outlines import outline, patches
from minecover.products.product import File, Product, Publication

__all__ = [
    "IDS",
    "MINE_HISTORY",
    "MINE_LAYERS",
    "TABLE",
    "FollowedMines",
    "read_ids",
    "timeline_of",
]

IDS, MINE_LAYERS = "mine_ids.tif", "mine_history.gpkg"
PARQUET, TABLE, GENEALOGY = "mine_history.parquet", "mine_history.csv", "mine_genealogy.csv"

STRIP = 256
"""Rows read at once."""

Ids = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class FollowedMines:
    """What became of the mines.

    Attributes
    ----------
    table
        A row for each mine and period, see `minecover.mine_history.table.history_table`.
    genealogy
        Where mines come from, see `genealogy_table`.
    """

    table: pd.DataFrame
    genealogy: pd.DataFrame


class MineHistory(Product[FollowedMines]):
    """Ids, outlines, figures and genealogy of mines."""

    name = "mine_history"

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List them where the survey has periods."""
        if publication.timeline is None:
            return ()
        return (
            File(IDS, "Ids of mines by period", MEDIA_TYPE, "mine_ids"),
            File(MINE_LAYERS, "Mines by period", "application/geopackage+sqlite3", "mine_history"),
            File(PARQUET, "Mines by period", "application/vnd.apache.parquet",
                 "mine_history_parquet"),
            File(TABLE, "Mines by period", "text/csv", "mine_history_table"),
            File(GENEALOGY, "Where mines come from", "text/csv", "mine_genealogy"),
        )  # fmt: skip

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> FollowedMines:
        """Follow the mines and write what became of them."""
        timeline = timeline_of(publication)
        ids, confidence = _followed(publication)
        found, tracks = ids.patches, ids.tracks
        _write_ids(publication, paths[IDS], ids)
        table = _table(publication, Surface(publication.grid), paths[IDS], found, tracks)
        genealogy = genealogy_table(tracks.events, confidence, timeline.names)
        outlines = _outlines(publication, paths[IDS], found, tracks)
        layers = MineLayers(publication, timeline.names, paths[MINE_LAYERS], paths[PARQUET])
        followed = FollowedMines(layers.write(table, outlines, genealogy), genealogy)
        for name, rows in ((TABLE, followed.table), (GENEALOGY, followed.genealogy)):
            rows.to_csv(paths[name], index=False, float_format="%.6f", lineterminator="\n")
        return followed


MINE_HISTORY = MineHistory()


def timeline_of(publication: Publication) -> Timeline:
    """Give the maps of the periods of a survey that has some."""
    assert publication.timeline is not None, "products of periods have files only where there are"
    return publication.timeline


@contextmanager
def read_ids(path: Path) -> Iterator[_IdReader]:
    """Open ``mine_ids.tif``."""
    with rasterio.open(path) as dataset:
        yield _IdReader(dataset)


class _IdReader:
    """Reads ids of mines in windows that may leave the grid, (period, y, x); 0: none."""

    def __init__(self, dataset: DatasetReader) -> None:
        self._dataset = dataset

    def __call__(self, window: Window) -> Ids:
        its = self._dataset
        out = np.zeros((its.count, *window.shape), dtype=np.uint32)
        inside = window.clip(its.height, its.width)
        height, width = inside.shape
        place = inside.within(window).slices
        part = RasterWindow(inside.x0, inside.y0, width, height)
        out[(slice(None), *place)] = its.read(window=part)
        return out


def _followed(publication: Publication) -> tuple[FollowedIds, Float64Array]:
    """Follow the mines, and tell how sure each line of their genealogy is."""
    timeline, its = timeline_of(publication), publication.mines
    mines = [item for item in publication.classes if item.mine]
    names = [item.name for item in mines]

    def probability(window: Window, period: int) -> Float32Array:
        return timeline.probability(window, period, names)

    mined = partial(timeline.mined, codes=[item.code for item in mines])
    given = (publication.grid, mined, probability, its)
    ids = FollowedIds(*given, len(timeline))
    return ids, confidences(*given, ids.tracks, len(timeline))


def _write_ids(publication: Publication, path: Path, ids: FollowedIds) -> None:
    timeline, grid = timeline_of(publication), publication.grid

    def describe(dataset: DatasetWriter) -> None:
        for band, name in enumerate(timeline.names, start=1):
            dataset.set_band_description(band, name)

    raster = Raster(path, len(timeline), describe, "uint32", 0, codes=True)
    with writing_cogs(grid, [raster]) as (writer,):
        for number, tile in enumerate(grid.tiles):
            writer.write(grid.window(tile), ids.of_tile(number).astype(np.uint32))


def _table(
    publication: Publication, surface: Surface, path: Path, found: Patches, tracks: Tracks
) -> pd.DataFrame:
    timeline, its, classes = timeline_of(publication), publication.mines, publication.classes
    position = np.full(256, -1)
    position[[item.code for item in classes]] = np.arange(len(classes))
    with read_ids(path) as ids:
        cover = measure_cover(
            publication.grid, ids, lambda window: position[timeline.codes(window)],
            surface.pixel_areas,
            births=births_of(found, tracks),
            mined=[number for number, item in enumerate(classes) if item.mine],
            shape=(len(timeline), len(classes)),
            reach=max(1, round(its.around_m / publication.grid.resolution)),
        )  # fmt: skip
    return history_table(
        areas_of(found, tracks, len(timeline)), probabilities_of(found, tracks, len(timeline)),
        tracks, cover, timeline.names,
        classes=[item.name for item in classes],
        restored=[number for number, item in enumerate(classes) if item.name in its.restored],
        least=round(its.min_area_ha * SQUARE_MILLIMETRES),
    )  # fmt: skip


def _outlines(
    publication: Publication, path: Path, found: Patches, tracks: Tracks
) -> Iterator[Shapes]:
    """Outline the mines period by period."""
    for period in range(len(timeline_of(publication))):
        own = found.period == period
        pixels = dict(zip(tracks.ids[own].tolist(), found.pixels[own].tolist(), strict=True))
        with rasterio.open(path) as dataset:
            yield dict(_mines(dataset, period + 1, pixels, to_map(publication.grid)))


def _mines(
    dataset: DatasetReader,
    band: int,
    pixels: dict[int, int],
    place: Callable[[Float64Array], Float64Array],
) -> Iterator[tuple[int, shapely.MultiPolygon]]:
    """Outline mines, each as soon as all of its pixels are in outlines."""
    parts: dict[int, list[shapely.Polygon]] = {}
    for runs in patches(_strips(dataset, band)):
        x, y = int(runs[0, 0]), int(runs[0, 1])
        mine = int(dataset.read(band, window=RasterWindow(x, y, 1, 1))[0, 0])
        parts.setdefault(mine, []).append(outline(runs))
        pixels[mine] -= int((runs[:, 2] - runs[:, 0]).sum())
        if not pixels[mine]:
            yield mine, shapely.transform(shapely.MultiPolygon(parts.pop(mine)), place)


def _strips(dataset: DatasetReader, band: int) -> Iterator[BoolArray]:
    for y in range(0, dataset.height, STRIP):
        height = min(STRIP, dataset.height - y)
        yield dataset.read(band, window=RasterWindow(0, y, dataset.width, height)) > 0
