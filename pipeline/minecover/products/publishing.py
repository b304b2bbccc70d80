"""All products of a survey at once: they appear together, and only when each is whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyogrio.errors
from rasterio.errors import RasterioError

from minecover.errors import StoreError
from minecover.geography.grid import Grid
from minecover.products.cog import RASTERS, MapSummary, rasters_of, write_rasters
from minecover.products.polygons import MineSummary, write_mines
from minecover.products.report import ReportFacts, render_report
from minecover.products.stac import file_record, stac_item, survey_days
from minecover.products.styles import write_auxiliary, write_qgis_style
from minecover.storage.canonical_json import canonical_json
from minecover.storage.store import Store
from minecover.survey import Survey

__all__ = ["PRODUCTS", "publish"]

PRODUCTS = (
    *RASTERS,
    "landuse.tif.aux.xml",
    "landuse.qml",
    "mines.gpkg",
    "accuracy.json",
    "report.html",
    "item.json",
)
"""Files under ``products/``, in the order in which they are written and appear."""

Paths = dict[str, Path]


def publish(
    store: Store,
    survey: Survey,
    grid: Grid,
    facts: ReportFacts,
    on_tile: Callable[[], None] | None = None,
) -> tuple[list[str], MapSummary]:
    """Write every product of a map that was predicted.

    Parameters
    ----------
    store
        Holds `map.zarr`; the products go to its ``products/``.
    survey, grid
        The map's own.
    facts
        What the report says beyond the map itself; see `ReportFacts`.
    on_tile
        Called after each tile of the map.

    Returns
    -------
    Keys of the products in the store, and the areas of the map.

    Raises
    ------
    StoreError
        There is no map, or no room; what was published before stays as it was.
    DataError
        The map holds a code that no class of the survey has.
    """
    layers = store.layers("map.zarr")
    absent = {*RASTERS} - {*rasters_of(layers)}
    absent |= {"accuracy.json"} if facts.accuracy is None else set()
    names = [name for name in PRODUCTS if name not in absent]
    with ExitStack() as stack:
        # the first to be lent is the last to appear: the item, which speaks of all others
        lent = {
            name: stack.enter_context(store.writing_file(f"products/{name}"))
            for name in reversed(names)
        }
        with _explained(store, lent["landuse.tif"]):
            summary = write_rasters(layers, grid, survey.classes, lent, on_tile)
            mines = _write_vectors(survey, grid, facts, lent)
            _write_documents(survey, grid, facts, lent, summary, mines)
    return [f"products/{name}" for name in names], summary


def _write_vectors(survey: Survey, grid: Grid, facts: ReportFacts, lent: Paths) -> MineSummary:
    write_auxiliary(lent["landuse.tif.aux.xml"], survey.classes)
    write_qgis_style(lent["landuse.qml"], survey.classes)
    return write_mines(
        lent["mines.gpkg"],
        lent["landuse.tif"],
        grid,
        survey.classes,
        min_area_ha=facts.min_area_ha,
        date=survey_days(survey)[1],
    )


def _write_documents(
    survey: Survey,
    grid: Grid,
    facts: ReportFacts,
    lent: Paths,
    summary: MapSummary,
    mines: MineSummary,
) -> None:
    if facts.accuracy is not None:
        lent["accuracy.json"].write_bytes(canonical_json(facts.accuracy))
    report = render_report(survey, grid, facts, lent, summary, mines)
    lent["report.html"].write_text(report, encoding="utf-8")
    files = {
        name: None if name == "report.html" else file_record(path)
        for name, path in lent.items()
        if name != "item.json"
    }
    item = stac_item(survey, grid, files, facts.derived_from, simulated=facts.is_simulated(survey))
    lent["item.json"].write_bytes(canonical_json(item))


@contextmanager
def _explained(store: Store, path: Path) -> Iterator[None]:
    """Say where writing failed and how much room is left; GDAL's own words alone do not."""
    try:
        yield
    except (
        OSError,
        RasterioError,
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.FeatureError,
    ) as error:
        free = shutil.disk_usage(path.parent).free / 1e6
        raise StoreError(
            f"{store.url}/products: cannot be written: {error.__cause__ or error} "
            f"({free:,.0f} MB are free on that disk; if it is full, make room and run the same "
            "command again; products published before are as they were)"
        ) from error
