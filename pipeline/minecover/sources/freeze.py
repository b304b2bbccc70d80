"""Look up the items of all sources once and freeze them into the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minecover.geography.grid import Grid
from minecover.sources.locate import Locator
from minecover.sources.manifest import Item, Manifest
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
        An item lacks an asset, a grid, or what turns its numbers into values.
    TryAgainError
        The catalog does not answer.
    """
    search = Search(catalog, seasons, grid, Locator(catalog, own_files(sources)))
    found: list[Item] = []
    for source in sources:
        found += source.find(search)
    search.leave_out_unreadable()
    found.sort(key=lambda item: (item.source, item.datetime or "", item.id))
    left_out = sorted(search.left_out, key=lambda item: (item.source, item.id, item.reason))
    return Manifest(crs=grid.crs, found=tuple(found), left_out=tuple(left_out))
