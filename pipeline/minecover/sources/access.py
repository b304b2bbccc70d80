"""A server that refuses one file: rejected credentials, or a file that is missing.

A bucket that may not be listed answers 403 for what is not there. One missing scene must not end
the map of a province, and credentials that expired must not have one tile after another skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import rasterio
from rasterio.errors import RasterioIOError

from minecover.sources.gdal import gdal_env
from minecover.sources.manifest import Item
from minecover.storage.s3 import S3Access

__all__ = ["can_read_others"]

TRIED = 4
"""Other items' files that are opened at most."""


def can_read_others(
    refused: Item,
    asset: str,
    items: Sequence[Item],
    locate: Callable[[str], str],
    s3: S3Access,
) -> bool:
    """Tell whether a file of another item on the server that refuses one can be read now.

    Parameters
    ----------
    refused, asset
        Whose file is refused.
    items
        Others, of any server.
    locate
        Turns a link of the manifest into what GDAL opens.
    s3
        How buckets are reached.
    """
    links = list(_links(refused, urlsplit(refused.assets[asset].href).netloc, items))
    step = max(1, len(links) // TRIED)
    return any(_opens(locate(link), s3) for link in links[::step][:TRIED])


def _links(refused: Item, server: str, items: Sequence[Item]) -> Iterator[str]:
    """Link of the first asset of every other item on a server."""
    for item in items:
        if item.id != refused.id:
            link = next(iter(item.assets.values())).href
            if urlsplit(link).netloc == server:
                yield link


def _opens(place: str, s3: S3Access) -> bool:
    # not out of what GDAL remembers: the credentials may have been valid a minute ago
    path = place if place.startswith("/vsi") else f"/vsicurl/{place}"
    try:
        with gdal_env(s3, CPL_VSIL_CURL_NON_CACHED=path), rasterio.open(place):
            return True
    except RasterioIOError:
        return False
