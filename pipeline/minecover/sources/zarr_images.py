"""Images that are arrays of a Zarr store, as in the products that ESA is moving to (EOPF).

A link to one leads into a folder called .zarr: `PRODUCT.zarr/measurements/reflectance/r10m/b02`.
An array (band, y, x) is a file of several bands; of one with years before them, (time, band, y, x),
the bands of all years are counted through.
Whatever library reads other files, arrays are read by zarr: to GDAL a chunk that a server refuses
is one that was never written. Chunks are large, some thousand pixels on a side, and tiles beside
each other lie in the same ones: they are kept decoded, the last used up to `MOST_BYTES`.
"""

from __future__ import annotations

import datetime as dt
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

MOST_AXES = 4
"""Years, bands, rows and columns."""

_LINK = re.compile(r"(?P<store>.+\.zarr)/(?P<array>[^?#]+?)/*")

Chunk = npt.NDArray[Any]


def is_zarr(link: str) -> bool:
    """Tell whether a link leads into a Zarr store."""
    return _LINK.fullmatch(link) is not None


@dataclass(frozen=True, eq=False)
class ZarrImage:
    """An array of rows and columns, or of several images of them.

    Attributes
    ----------
    link
        Of the array.
    array
        As zarr opened it.
    group
        Of an array of several bands: its group, which may say where all of its arrays lie.
    """

    link: str
    array: zarr.Array[Any]
    group: zarr.Group | None = None

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What the array says of itself, before what its group says of all its arrays."""
        shared = {} if self.group is None else self.group.attrs.asdict()
        return {**shared, **self.array.attrs.asdict()}

    @property
    def leading(self) -> tuple[int, ...]:
        """Length of the axes before rows and columns."""
        return self.array.shape[:-2]

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of its axes, empty where nothing names them."""
        named = getattr(self.array.metadata, "dimension_names", None)
        return tuple(map(str, named or self.attributes.get("_ARRAY_DIMENSIONS", ())))

    def years(self) -> tuple[int, ...]:
        """Year of each image along an axis of time; empty where it has none.

        Raises
        ------
        Exception
            One of `READING_ERRORS`: its group has no array `time` that says them.
        """
        if len(self.leading) < 2 and self.axes[:1] != ("time",):
            return ()
        if self.group is None or not isinstance(time := self.group["time"], zarr.Array):
            raise KeyError("the group of the array has no coordinate `time`")
        numbers, unit = np.asarray(time[:]), str(time.attrs.asdict().get("units", ""))
        day = re.fullmatch(r"days since (\d{4}-\d\d-\d\d).*", unit)
        if day is None:
            return tuple(int(number) for number in numbers)
        first = dt.date.fromisoformat(day[1])
        return tuple((first + dt.timedelta(days=int(n))).year for n in numbers)

    @property
    def nodata(self) -> float:
        """Value of what was never written; NaN where there is none."""
        unwritten = None if self.leading else self.array.fill_value  # of vectors 0 is a number
        fill = self.attributes.get("_FillValue", unwritten)
        return np.nan if fill is None else float(fill)

    def read(self, window: Window, band: int = 1) -> Chunk:
        """Read a window, (y, x), of the array's own type.

        Parameters
        ----------
        window
            Rows and columns.
        band
            Number of the image, from 1, where there are several.

        Raises
        ------
        Exception
            One of `READING_ERRORS`.
        """
        out = np.empty(window.shape, self.array.dtype)
        place = np.unravel_index(band - 1, self.leading) if self.leading else ()
        before, inside = self._leading_chunk(tuple(map(int, place)))
        for rows, columns in self._chunks(window):
            chunk = _kept().get(self, (*before, rows, columns))[inside]
            y0, y1 = max(window.y0, rows.start), min(window.y1, rows.stop)
            x0, x1 = max(window.x0, columns.start), min(window.x1, columns.stop)
            out[y0 - window.y0 : y1 - window.y0, x0 - window.x0 : x1 - window.x0] = chunk[
                y0 - rows.start : y1 - rows.start, x0 - columns.start : x1 - columns.start
            ]
        return out

    def _chunks(self, window: Window) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of the chunks that a window touches."""
        height, width = self.array.chunks[-2:]
        rows = range(window.y0 // height, -(-window.y1 // height))
        columns = range(window.x0 // width, -(-window.x1 // width))
        for row, column in product(rows, columns):
            yield (
                slice(row * height, min((row + 1) * height, self.array.shape[-2])),
                slice(column * width, min((column + 1) * width, self.array.shape[-1])),
            )

    def _leading_chunk(self, place: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[int, ...]]:
        """Chunk that an image lies in, along the axes before rows and columns, and where in it."""
        lengths = self.array.chunks[: len(place)]
        starts = [n // length * length for n, length in zip(place, lengths, strict=True)]
        chunk = tuple(
            slice(start, min(start + length, whole))
            for start, length, whole in zip(starts, lengths, self.leading, strict=True)
        )
        return chunk, tuple(n - start for n, start in zip(place, starts, strict=True))


class Chunks:
    """Decoded chunks, those last used up to a number of bytes.

    Parameters
    ----------
    most
        Bytes that are kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: OrderedDict[tuple[str, tuple[int, ...]], Chunk] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, image: ZarrImage, place: tuple[slice, ...]) -> Chunk:
        """Give a chunk of an array by its place along every axis; read unless it is here."""
        key = (image.link, tuple(int(part.start) for part in place))
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
        array, group = _opened(found["store"], found["array"], s3)
    except READING_ERRORS as error:
        raise reading_error(error, link, where) from error
    if not isinstance(array, zarr.Array) or not 2 <= array.ndim <= MOST_AXES:
        raise ItemError(
            f"{where}: {link} is no array of rows and columns; name the array of each band, as "
            "measurements/reflectance/r10m/b02"
        )
    if math.prod(array.chunks) * array.dtype.itemsize > MOST_BYTES:
        raise ItemError(f"{where}: {link} has chunks of {array.chunks} pixels, too large to read")
    image = ZarrImage(link, array, group if isinstance(group, zarr.Group) else None)
    if not {"band", "time"}.isdisjoint(image.axes[-2:]):
        raise ItemError(
            f"{where}: {link} has the axes {', '.join(image.axes)}; write it anew with rows and "
            "columns last: (band, y, x) or (time, band, y, x)"
        )
    return image


@lru_cache(maxsize=4096)
def _opened(store: str, array: str, s3: S3Access) -> tuple[object, object]:
    """Open an array, and the group that holds it where there is one."""
    place = zarr.storage.ObjectStore(_store(store, s3), read_only=True)
    opened = zarr.open(place, path=array, mode="r")
    if not isinstance(opened, zarr.Array) or opened.ndim == 2:
        return opened, None
    try:
        return opened, zarr.open_group(place, path=array.rpartition("/")[0], mode="r")
    except FileNotFoundError:  # an array alone, which says everything itself
        return opened, None


def _store(place: str, s3: S3Access) -> ObjectStore:
    if place.startswith("s3://"):
        return open_bucket(place, s3)
    if is_url(place):
        options: ClientConfig = {**CLIENT, "allow_http": place.startswith("http://")}
        return HTTPStore.from_url(place, client_options=options, retry_config=RETRY)
    return LocalStore(place)
