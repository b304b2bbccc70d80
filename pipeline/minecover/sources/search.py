"""Searches of one survey, and what to say where they find nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NoReturn

import shapely
from shapely.geometry.base import BaseGeometry

from minecover.errors import SurveyError
from minecover.geography.boundary import WGS84, listed
from minecover.geography.grid import Grid
from minecover.simulated import is_marked
from minecover.sources.catalog import Catalog, Document, in_ranges, item_time, open_catalog
from minecover.sources.checksum import recorded_checksum
from minecover.sources.links import redacted
from minecover.sources.locate import OWN, Locator
from minecover.sources.manifest import ALWAYS, Asset, Item
from minecover.sources.native import NativeGrid, read_header, recorded_grid
from minecover.sources.overpass import numbered
from minecover.sources.recorded import recorded
from minecover.sources.settings import CatalogSettings
from minecover.storage.location import is_url

__all__ = ["Search"]

RIM = 0.02
"""Degrees around the area, two kilometres from north to south: more than any kernel looks."""

NEARBY = 92
"""Days around a season in which an error message looks for dates."""


@dataclass(frozen=True)
class Search:
    """Searches for one survey.

    Attributes
    ----------
    settings
        Where items are looked up, and with which limits.
    seasons
        Date ranges by name of the season.
    grid
        Where they are wanted.
    locator
        Opens rasters whose items do not record their grid.
    """

    settings: CatalogSettings
    seasons: Mapping[str, Sequence[str]]
    grid: Grid
    locator: Locator

    @cached_property
    def catalog(self) -> Catalog:
        """The survey's catalog, opened."""
        return open_catalog(self.settings.url, self.locator.s3)

    @cached_property
    def collections(self) -> dict[str, Document]:
        """Its collections by id."""
        return self.catalog.collections()

    @cached_property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the area in degrees."""
        return self.grid.wgs84_bounds()

    @cached_property
    def ground(self) -> BaseGeometry:
        """The area in degrees, with the rim around it that kernels look at."""
        ground = self.grid.geometry(WGS84).buffer(RIM)
        shapely.prepare(ground)
        return ground

    def _is_near(self, raw: Document) -> bool:
        """Tell whether an item's rectangle touches the area, which its search box is wider than."""
        bounds = raw.get("bbox") or self.bbox
        west, south, east, north = bounds if len(bounds) == 4 else (*bounds[:2], *bounds[3:5])
        # across the antimeridian there is no such rectangle
        return west > east or bool(self.ground.intersects(shapely.box(west, south, east, north)))

    def items(self, source: str, collection: str, ranges: Sequence[str]) -> Iterator[Document]:
        """Stream the items of a collection over the area.

        Raises
        ------
        SurveyError
            There is no such collection, or more than `catalog.max_items`.
        """
        if collection not in self.collections:
            raise SurveyError(
                f"sources.{source}.collection: the catalog {redacted(self.catalog.url)} has no "
                f"collection {collection!r}; it has "
                f"{listed(sorted(self.collections)) or 'none'}"
            )
        limit = self.settings.max_items
        found = filter(self._is_near, self.catalog.search(collection, self.bbox, ranges))
        for count, raw in enumerate(found):
            if count >= limit:
                raise SurveyError(
                    f"catalog.max_items: {source} finds more than {limit} items of {collection} "
                    "over the area; take a smaller area or shorter seasons, or raise the limit"
                )
            yield raw

    def items_by_season(
        self,
        source: str,
        collection: str,
        freeze: Callable[[Document], Item],
        is_usable: Callable[[Document], bool] = lambda raw: True,
        unusable: str = "unusable",
    ) -> list[Item]:
        """Find the usable items of a collection, with the seasons that they fall in.

        Parameters
        ----------
        source, collection
            Whose items, and where they are.
        freeze
            Makes an item of a document.
        is_usable
            Tells from a document whether its item is wanted.
        unusable
            What the others are, for the message where a season has no other.

        Raises
        ------
        SurveyError
            A season has no usable item.
        """
        ranges = [text for texts in self.seasons.values() for text in texts]
        found, dropped = [], dict.fromkeys(self.seasons, 0)
        # streamed: a province's documents do not fit into memory, what is kept of them does
        for raw in self.items(source, collection, ranges):
            day = _day_of(raw)
            names = tuple(name for name, texts in self.seasons.items() if in_ranges(day, texts))
            if is_usable(raw):
                found.append(freeze(raw).replace(seasons=names))
            else:
                for name in names:
                    dropped[name] += 1
        for season in self.seasons:
            if not any(season in item.seasons for item in found):
                count = dropped[season]
                note = f" ({count} more are {unusable})" if count else ""
                self.refuse_empty(source, collection, season, note)
        return found

    def numbered(self, items: list[Item]) -> list[Item]:
        """Give each item the number of its overpass and its rank in it; see `overpass`."""
        return numbered(items, self.grid.crs)

    def refuse_empty(
        self, source: str, collection: str, season: str = "", note: str = ""
    ) -> NoReturn:
        """Say why there is no item: another place, other dates, or what `note` adds.

        Raises
        ------
        SurveyError
            Always.
        """
        ranges = self.seasons[season] if season else ()
        days = sorted({_day_of(raw) for raw in self._around(collection, ranges)})
        if not season or not days:
            extent = self.collections[collection].get("extent", {})
            boxes = extent.get("spatial", {}).get("bbox", [])
            raise SurveyError(
                f"area: it lies outside of the catalog: no item of {collection} touches it; the "
                f"area is {_degrees(self.bbox)}, the collection "
                f"{' and '.join(map(_degrees, boxes[:3])) or 'of unknown extent'} "
                "(west, south, east, north); change `area` or `catalog.url`"
            )
        raise SurveyError(
            f"seasons.{season}: {source} has no item of {collection} in {', '.join(ranges)}"
            f"{note}; over the area there is {listed(days)}; change the date ranges"
        )

    def _around(self, collection: str, ranges: Sequence[str]) -> list[Document]:
        wide = [_widened(text) for text in ranges]
        near = list(islice(self.catalog.search(collection, self.bbox, wide), 300))
        return near or list(islice(self.catalog.search(collection, self.bbox), 300))

    def asset(
        self, raw: Document, key: str, scale: float | None = None, offset: float = 0.0
    ) -> Asset:
        """Freeze an asset; with the scale and offset of its record where no scale is given.

        Raises
        ------
        SurveyError
            Its link carries a signature or a password.
        """
        where = f"item {raw.get('id')}, asset {key}"
        href = self.locator.unsigned_href(self.catalog.checked_href(raw, key), where)
        own = recorded(raw["assets"][key])
        grid = recorded_grid(raw, key)
        if grid is None:
            grid = read_header(self.locator(href), href, where, self.locator.s3).grid
        if scale is None:
            scale = own.scale or 1.0
            offset = (own.offset or 0.0) / scale
        checksum = raw["assets"][key].get("file:checksum")
        return _asset_on(grid, href, own.nodata, scale, offset, checksum)

    def item(
        self,
        source: str,
        raw: Document,
        assets: dict[str, Asset],
        *,
        decision: str = "",
        baseline: float = 0.0,
    ) -> Item:
        """Freeze an item; overpass and rank are filled in when all are known.

        Parameters
        ----------
        source, raw, assets
            Name of the source, the item's document, and what was frozen of its assets.
        decision, baseline
            As an `Item` has them.
        """
        first = next(iter(assets.values()))
        return Item(
            source=source,
            seasons=(ALWAYS,),
            id=str(raw.get("id")),
            collection=raw.get("collection"),
            datetime=item_time(raw).isoformat(),
            platform=raw.get("properties", {}).get("platform"),
            bounds=_rounded(NativeGrid.of(first).bounds(self.grid.crs)),
            decision=decision,
            baseline=baseline,
            simulated=is_marked(raw),
            assets=assets,
        )

    def own_file(self, source: str, setting: str, key: str) -> Item:
        """Freeze the raster file that the survey names for a source.

        Parameters
        ----------
        source, setting
            Name of the source, and key of its section that names the file.
        key
            Under which the manifest keeps the asset.

        Raises
        ------
        SurveyError
            It cannot be read, or does not touch the area.
        DataError
            It is no raster, or has no CRS.
        """
        where = f"sources.{source}.{setting}"
        href = OWN + where
        path = self.locator.own_files[where]
        checksum = None if is_url(path) else recorded_checksum(path, where)
        header = read_header(self.locator(href), path, where, self.locator.s3)
        bounds = _rounded(header.grid.bounds(self.grid.crs))
        left, bottom, right, top = self.grid.area.bounds
        if bounds[0] >= right or bounds[2] <= left or bounds[1] >= top or bounds[3] <= bottom:
            raise SurveyError(
                f"{where}: {redacted(path)} does not touch the area: it covers {_metres(bounds)}, "
                f"the area {_metres((left, bottom, right, top))} (left, bottom, right, top in "
                f"{self.grid.crs_name}); give another file"
            )
        return Item(
            source=source,
            seasons=(ALWAYS,),
            id=source,
            bounds=bounds,
            decision="the survey's file",
            simulated=header.simulated,
            assets={key: _asset_on(header.grid, href, checksum=checksum)},
        )


def _asset_on(
    grid: NativeGrid,
    href: str,
    nodata: float | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
    checksum: str | None = None,
) -> Asset:
    """Put an asset on its grid."""
    return Asset(
        href=href,
        crs=grid.crs,
        transform=grid.transform,
        shape=grid.shape,
        nodata=nodata,
        scale=scale,
        offset=offset,
        checksum=checksum,
    )


def _rounded(bounds: Iterable[float]) -> tuple[float, float, float, float]:
    """Round to a centimetre, so that libraries' last bits do not reach the fingerprint."""
    left, bottom, right, top = (round(value, 2) for value in bounds)
    return left, bottom, right, top


def _day_of(raw: Document) -> str:
    """Day of acquisition in UTC, as YYYY-MM-DD."""
    return item_time(raw).date().isoformat()


def _widened(text: str) -> str:
    start, end = (dt.date.fromisoformat(part) for part in text.split("/"))
    margin = dt.timedelta(days=NEARBY)
    return f"{start - margin}/{end + margin}"


def _metres(box: Sequence[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in box)


def _degrees(box: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in box)
