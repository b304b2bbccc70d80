"""Files that cannot be read: what that means for the item, its tile, and the run.

One rule for every reader, and for headers. A bucket that may not be listed answers 403 for what is
not there. One missing scene must not end the map of a province, and credentials that expired must
not have one tile after another skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import rasterio
from rasterio.errors import RasterioIOError

from minecover.errors import DataError, MinecoverError, SurveyError
from minecover.sources.gdal import gdal_env, reading_error
from minecover.sources.links import redacted
from minecover.sources.locate import OWN
from minecover.sources.manifest import Item
from minecover.sources.zarr_images import is_zarr, open_image
from minecover.storage.s3 import AMAZON, S3Access

__all__ = ["FileAccess"]

TRIED = 4
"""Other items' files that are opened at most."""


@dataclass(frozen=True)
class FileAccess:
    """How the files of a manifest are reached.

    Attributes
    ----------
    locate
        Turns a link of the manifest into what GDAL opens.
    others
        Items, of any server, whose files are tried where a server refuses one.
    s3
        How buckets are reached.
    """

    locate: Callable[[str], str]
    others: Sequence[Item] = ()
    s3: S3Access = AMAZON

    def meaning(self, error: Exception, item: Item, asset: str) -> MinecoverError:
        """Say what it means that an item's file cannot be read.

        Parameters
        ----------
        error
            What a library raised, or `reading_error` made of it.
        item, asset
            Whose file it is.
        """
        href, where = item.assets[asset].href, f"item {item.id}, asset {asset}"
        place = self.locate(href) if href.startswith(OWN) else href
        known = error if isinstance(error, MinecoverError) else None
        found = known or reading_error(error, place, where)
        if isinstance(found, SurveyError) and self._can_read_others(item, asset):
            return DataError(
                f"{where}: the server refuses {redacted(href)}, but not other items: the file "
                "is missing, or these credentials may not read it. Put it there, or take the item "
                "out of the catalog"
            )
        return found

    def _can_read_others(self, refused: Item, asset: str) -> bool:
        """Tell whether a file of another item on the server that refuses one can be read now."""
        links = list(_links(refused, urlsplit(refused.assets[asset].href).netloc, self.others))
        step = max(1, len(links) // TRIED)
        return any(_opens(self.locate(link), self.s3) for link in links[::step][:TRIED])


def _links(refused: Item, server: str, items: Sequence[Item]) -> Iterator[str]:
    """Link of the first asset of every other item on a server."""
    for item in items:
        if item.id != refused.id:
            link = next(iter(item.assets.values())).href
            if urlsplit(link).netloc == server:
                yield link


def _opens(place: str, s3: S3Access) -> bool:
    if is_zarr(place):
        try:
            return open_image(place, place, s3) is not None
        except MinecoverError:
            return False
    # not out of what GDAL remembers: the credentials may have been valid a minute ago
    path = place if place.startswith("/vsi") else f"/vsicurl/{place}"
    try:
        with gdal_env(s3, place, CPL_VSIL_CURL_NON_CACHED=path), rasterio.open(place):
            return True
    except RasterioIOError:
        return False
