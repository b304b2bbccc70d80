"""Images that are arrays of a Zarr store, as in the products that ESA is moving to (EOPF).

A link to one leads into a folder called .zarr: `PRODUCT.zarr/measurements/reflectance/r10m/b02`.
Whatever library reads other files, arrays are read by zarr: to GDAL a chunk that a server refuses
is one that was never written. Chunks are large, some thousand pixels on a side, and tiles beside
each other lie in the same ones: they are kept decoded, the last used up to `MOST_BYTES`.
"""

from __future__ import annotations

import math
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import zarr
from obstore.exceptions import BaseError
from obstore.store import HTTPStore, LocalStore, ObjectStore

from minecover.geography.grid import Window
from minecover.sources.gdal import reading_error
from minecover.sources.item_document import ItemError
from minecover.storage.bucket import CLIENT, RETRY, open_bucket
from minecover.storage.location import is_url
from minecover.storage.s3 import AMAZON, S3Access

if TYPE_CHECKING:
    from obstore.store import ClientConfig

__all__ = ["READING_ERRORS", "ZarrImage", "is_zarr", "open_image"]

MOST_BYTES = 2**29
"""Of decoded chunks that a process keeps, and of one chunk."""

READING_ERRORS = (BaseError, OSError, RuntimeError, KeyError, TypeError, ValueError)
"""What zarr and its stores raise for what is missing, damaged, or no array."""

_LINK = re.compile(r"(?P<store>.+\.zarr)/(?P<array>[^?#]+?)/*")

Chunk = npt.NDArray[Any]


def is_zarr(link: str) -> bool:
    """Tell whether a link leads into a Zarr store."""
    return _LINK.fullmatch(link) is not None


@dataclass(frozen=True, eq=False)
class ZarrImage:
    """An array of rows and columns.

    Attributes
    ----------
    link
        Of the array.
    array
        As zarr opened it.
    """

    link: str
    array: zarr.Array[Any]

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What the array says of itself."""
        return self.array.attrs.asdict()

    @property
    def nodata(self) -> float:
        """Value of what was never written; NaN where there is none."""
        fill = self.attributes.get("_FillValue", self.array.fill_value)
        return np.nan if fill is None else float(fill)

    def read(self, window: Window) -> Chunk:
        """Read a window, (y, x), of the array's own type.

        Raises
        ------
        Exception
            One of `READING_ERRORS`.
        """
        out = np.empty(window.shape, self.array.dtype)
        for rows, columns in self._chunks(window):
            chunk = _kept().get(self, (rows, columns))
            y0, y1 = max(window.y0, rows.start), min(window.y1, rows.stop)
            x0, x1 = max(window.x0, columns.start), min(window.x1, columns.stop)
            out[y0 - window.y0 : y1 - window.y0, x0 - window.x0 : x1 - window.x0] = chunk[
                y0 - rows.start : y1 - rows.start, x0 - columns.start : x1 - columns.start
            ]
        return out

    def _chunks(self, window: Window) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of the chunks that a window touches."""
        height, width = self.array.chunks
        rows = range(window.y0 // height, -(-window.y1 // height))
        columns = range(window.x0 // width, -(-window.x1 // width))
        for row, column in product(rows, columns):
            yield (
                slice(row * height, min((row + 1) * height, self.array.shape[0])),
                slice(column * width, min((column + 1) * width, self.array.shape[1])),
            )


class Chunks:
    """Decoded chunks, those last used up to a number of bytes.

    Parameters
    ----------
    most
        Bytes that are kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: OrderedDict[tuple[str, int, int], Chunk] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, image: ZarrImage, place: tuple[slice, slice]) -> Chunk:
        """Give a chunk of an image by its rows and columns; read unless it is here."""
        key = (image.link, place[0].start, place[1].start)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        chunk = np.asarray(image.array[place])
        with self._lock:
            if key not in self._held:
                self._held[key] = chunk
                self._bytes += chunk.nbytes
            while self._bytes > self.most and len(self._held) > 1:
                _, old = self._held.popitem(last=False)
                self._bytes -= old.nbytes
        return chunk


@lru_cache(maxsize=1)
def _kept() -> Chunks:
    """Chunks of this process."""
    return Chunks(MOST_BYTES)


def open_image(link: str, where: str, s3: S3Access = AMAZON) -> ZarrImage:
    """Open an array as an image.

    Parameters
    ----------
    link
        Path or address.
    where
        Names item and asset.
    s3
        How buckets are reached.

    Raises
    ------
    DataError
        It is missing, damaged, or no array of rows and columns.
    SurveyError
        A server rejects the credentials.
    TryAgainError
        A server does not answer.
    """
    found = _LINK.fullmatch(link)
    assert found is not None
    try:
        array = _opened(found["store"], found["array"], s3)
    except READING_ERRORS as error:
        raise reading_error(error, link, where) from error
    if not isinstance(array, zarr.Array) or array.ndim != 2:
        raise ItemError(
            f"{where}: {link} is no array of rows and columns; name the array of each band, as "
            "measurements/reflectance/r10m/b02"
        )
    if math.prod(array.chunks) * array.dtype.itemsize > MOST_BYTES:
        raise ItemError(f"{where}: {link} has chunks of {array.chunks} pixels, too large to read")
    return ZarrImage(link, array)


@lru_cache(maxsize=4096)
def _opened(store: str, array: str, s3: S3Access) -> object:
    place = zarr.storage.ObjectStore(_store(store, s3), read_only=True)
    return zarr.open(place, path=array, mode="r")


def _store(place: str, s3: S3Access) -> ObjectStore:
    if place.startswith("s3://"):
        return open_bucket(place, s3)
    if is_url(place):
        options: ClientConfig = {**CLIENT, "allow_http": place.startswith("http://")}
        return HTTPStore.from_url(place, client_options=options, retry_config=RETRY)
    return LocalStore(place)
