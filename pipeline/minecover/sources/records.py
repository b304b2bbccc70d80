"""From documents to the manifest: assets and items are frozen, each held against its file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from minecover.errors import DataError, SurveyError
from minecover.geography.grid import Grid
from minecover.simulated import is_marked
from minecover.sources.bands import BAND
from minecover.sources.catalog import Catalog, item_time, open_catalog
from minecover.sources.checksum import recorded_checksum
from minecover.sources.documents import Documents
from minecover.sources.header import BY_HEADER, Header, confirmed, read_header
from minecover.sources.item_document import Document, ItemError
from minecover.sources.links import redacted
from minecover.sources.locate import OWN, Locator
from minecover.sources.manifest import ALWAYS, Asset, Item, UnusedItem
from minecover.sources.native import NativeGrid, claims_grid, recorded_grid
from minecover.sources.recorded import Recorded, recorded
from minecover.sources.settings import CatalogSettings
from minecover.sources.zarr_images import is_zarr
from minecover.storage.location import is_url

__all__ = ["OutsideError", "Records", "time_of"]

SMALLEST_WINDOW = 32
"""Pixels of the survey along the edge of the least window that is read at once."""

LARGEST_WINDOW = 2**30
"""Bytes that such a window may take."""


class OutsideError(SurveyError):
    """A file that the survey names does not touch its area."""


@dataclass(frozen=True)
class Records:
    """Freezes what one survey needs.

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
    left_out
        Items with a fault, as they are met.
    """

    settings: CatalogSettings
    seasons: Mapping[str, Sequence[str]]
    grid: Grid
    locator: Locator
    left_out: list[UnusedItem] = field(default_factory=list)

    @cached_property
    def catalog(self) -> Catalog:
        """The survey's catalog, opened."""
        locator, settings = self.locator, self.settings
        documents = Documents(locator.s3, locator.reach, settings.max_seconds)
        return open_catalog(settings.url, documents)

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
        own, grid, note = recorded(raw["assets"][key]), recorded_grid(raw, key), ""
        header: Header | None
        if grid is None:
            header = read_header(self.locator(href), href, where, self.locator.s3)
            grid = header.grid(f"{where}: {redacted(href)}")
            note = BY_HEADER if claims_grid(raw, key) else ""
        else:
            header = self._header_nearby(href, where)
        if scale is None:
            scale, offset = _scaling(own, header)
        document = raw["assets"][key]
        checksum, band = document.get("file:checksum"), document.get(BAND)
        asset = _asset_on(grid, href, own.nodata, scale, offset, checksum, note, band)
        return asset if header is None else confirmed(asset, header, where)

    def _header_nearby(self, href: str, where: str) -> Header | None:
        """Header of a file of the catalog's folder, where it can be read.

        Files far away are not opened by the thousand: whoever reads them holds their records
        against them (`confirmation`), and tells of files that cannot be read.
        """
        try:
            path = None if is_url(href) else self.locator(href)
            return None if path is None else read_header(path, href, where)
        except ItemError:
            raise
        except DataError:
            return None

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
        _check_memory(raw, assets, self.grid.resolution)
        bounds = _rounded(NativeGrid.of(first).bounds(self.grid.crs))
        if not all(map(math.isfinite, bounds)):
            raise ItemError(
                f"item {raw.get('id')}: its grid {first.transform} in {first.crs} has no place in "
                f"{self.grid.crs_name}; correct proj:transform and proj:code"
            )
        return Item(
            source=source,
            seasons=(ALWAYS,),
            id=str(raw.get("id")),
            collection=raw.get("collection"),
            datetime=time_of(raw),
            platform=raw.get("properties", {}).get("platform"),
            bounds=bounds,
            decision=decision,
            baseline=baseline,
            simulated=is_marked(raw),
            assets=assets,
        )

    def own_header(self, setting: str) -> Header:
        """Read the header of a raster that the survey names under a key, as `sources.terrain.path`.

        Raises
        ------
        DataError
            It cannot be read, or is no raster.
        """
        path = self.locator.own_files[setting]
        return read_header(self.locator(OWN + setting), path, setting, self.locator.s3, own=True)

    def own_file(
        self,
        source: str,
        setting: str,
        key: str,
        *,
        header: Header | None = None,
        name: str = "",
        band: int | None = None,
    ) -> Item:
        """Freeze the raster file that the survey names for a source.

        Parameters
        ----------
        source, setting
            Name of the source, and key of its section that names the file.
        key
            Under which the manifest keeps the asset.
        header
            Of the file, where it was read already.
        name
            Of the item; empty: that of the source.
        band
            Number of the band that is meant, where the file has several.

        Raises
        ------
        SurveyError
            It cannot be read.
        OutsideError
            It does not touch the area.
        DataError
            It is no raster, or has no CRS.
        """
        where = f"sources.{source}.{setting}"
        href = OWN + where
        path = self.locator.own_files[where]
        far = is_url(path) or is_zarr(path)
        checksum = None if far else recorded_checksum(path, where)
        header = header or self.own_header(where)
        grid = header.grid(f"{where}: {redacted(path)}")
        bounds = _rounded(grid.bounds(self.grid.crs))
        left, bottom, right, top = self.grid.area.bounds
        if bounds[0] >= right or bounds[2] <= left or bounds[1] >= top or bounds[3] <= bottom:
            raise OutsideError(
                f"{where}: {redacted(path)} does not touch the area: it covers {_metres(bounds)}, "
                f"the area {_metres((left, bottom, right, top))} (left, bottom, right, top in "
                f"{self.grid.crs_name}); give another file"
            )
        scale, offset = header.scale, header.offset / header.scale
        asset = _asset_on(grid, href, None, scale, offset, checksum, band=band)
        return Item(
            source=source,
            seasons=(ALWAYS,),
            id=name or source,
            bounds=bounds,
            decision="the survey's file",
            simulated=header.simulated,
            assets={key: confirmed(asset, header, where)},
        )


def _check_memory(raw: Document, assets: Mapping[str, Asset], resolution: float) -> None:
    """Refuse an item whose pixels are so small that the least window of it takes too much memory.

    Raises
    ------
    ItemError
        It does.
    """
    size = min(NativeGrid.of(asset).pixel_size() for asset in assets.values())
    needed = 4 * len(assets) * (SMALLEST_WINDOW * resolution / size) ** 2
    if needed > LARGEST_WINDOW:
        raise ItemError(
            f"item {raw.get('id')}: its pixels of {size:g} m under {SMALLEST_WINDOW} of the survey "
            f"in either direction take {needed / 2**30:,.1f} GiB; take its collection at a coarser "
            "resolution (gdal_translate -tr), or correct proj:transform"
        )


def _asset_on(
    grid: NativeGrid,
    href: str,
    nodata: float | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
    checksum: str | None = None,
    note: str = "",
    band: int | str | None = None,
) -> Asset:
    """Put an asset on its grid."""
    return Asset(
        href=href,
        crs=grid.crs,
        transform=grid.as_stored,
        shape=grid.shape,
        nodata=nodata,
        scale=scale,
        offset=offset,
        checksum=checksum,
        note=note,
        band=band,
    )


def _scaling(own: Recorded, header: Header | None) -> tuple[float, float]:
    """Scale, and offset in numbers: the item's record, or else what the file says."""
    if own.scale is None and own.offset is None and header is not None:
        return header.scale, header.offset / header.scale
    scale = own.scale or 1.0
    return scale, (own.offset or 0.0) / scale


def _rounded(bounds: Iterable[float]) -> tuple[float, float, float, float]:
    """Round to a centimetre, so that libraries' last bits do not reach the fingerprint."""
    left, bottom, right, top = (round(value, 2) for value in bounds)
    return left, bottom, right, top


def time_of(raw: Document) -> str | None:
    """Time of acquisition; what is observed once may lack it."""
    try:
        return item_time(raw).isoformat()
    except ItemError:
        return None


def _metres(box: Sequence[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in box)
