"""Look up the items of all sources once and freeze them into the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyproj

from minecover.errors import DataError, SurveyError
from minecover.geography.datums import datum_change
from minecover.geography.grid import Grid
from minecover.sources.locate import Locator
from minecover.sources.manifest import Item, Manifest
from minecover.sources.native import NativeGrid
from minecover.sources.search import Search
from minecover.sources.settings import CatalogSettings
from minecover.sources.source import Source, own_files

__all__ = ["freeze"]


def freeze(
    sources: Sequence[Source[Any]],
    catalog: CatalogSettings,
    seasons: Mapping[str, Sequence[str]],
    grid: Grid,
) -> Manifest:
    """Search the items of all sources over an area.

    Parameters
    ----------
    sources
        Of the survey.
    catalog
        Where items are looked up, and with which limits.
    seasons
        Date ranges by name of the season.
    grid
        Its area is searched.

    Raises
    ------
    SurveyError
        The catalog is wrong, lacks a collection, does not cover the area, has no item in a
        season, or has more than `catalog.max_items`.
    DataError
        An item lacks an asset, a grid, or what turns its numbers into values, or its datum has no
        known transformation to that of the grid.
    TryAgainError
        The catalog does not answer.
    """
    search = Search(catalog, seasons, grid, Locator(catalog, own_files(sources)))
    found: list[Item] = []
    for source in sources:
        found += source.find(search)
    search.leave_out_unreadable()
    _refuse_guessed_datums(found, grid)
    found.sort(key=lambda item: (item.source, item.datetime or "", item.id))
    left_out = sorted(search.left_out, key=lambda item: (item.source, item.id, item.reason))
    return Manifest(crs=grid.crs, found=tuple(found), left_out=tuple(left_out))


def _refuse_guessed_datums(found: Sequence[Item], grid: Grid) -> None:
    """Refuse images in a datum from which no transformation to the grid is known."""
    ways = "warp the images first (gdalwarp -ct), or give grid.crs in their own datum"
    checked = {grid.crs}
    for item in found:
        for asset in item.assets.values():
            if asset.crs in checked:
                continue
            checked.add(asset.crs)
            own = NativeGrid.of(asset)
            try:
                bounds = own.bounds(asset.crs)
                datum_change(pyproj.CRS(own.crs), pyproj.CRS(grid.crs), bounds, item.source, ways)
            except SurveyError as error:
                raise DataError(f"{item.id}: {error}") from error
