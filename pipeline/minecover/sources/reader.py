"""Readers: what reads windows of items' own rasters.

A reader only reads. Masks, offsets and resampling follow in `observations`, on what it returned,
so that every reader gives the same cube.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from odc.geo.geobox import GeoBox

from minecover.arrays import Float32Array
from minecover.sources.access import FileAccess
from minecover.sources.manifest import Item
from minecover.sources.native_reader import NativeReader
from minecover.sources.numbers import Numbers, Wanted
from minecover.storage.s3 import AMAZON, S3Access

__all__ = ["Reader", "open_reader"]

Locate = Callable[[str], str]


class Reader(Protocol):
    """Reads windows of rasters that share one grid.

    Attributes
    ----------
    pixels
        Read so far, over all items and assets.
    """

    pixels: int

    def numbers(self, wanted: Sequence[Wanted]) -> list[Numbers]:
        """Read windows as their files hold them.

        Parameters
        ----------
        wanted
            Each a window of one grid; all are read together.

        Raises
        ------
        DataError
            A file is missing, truncated or damaged; names item, asset and link.
        SurveyError
            A server refuses this file and others: it rejects the credentials.
        TryAgainError
            A server does not answer, or this worker has no files, memory or threads left.
        """

    def read(self, items: Sequence[Item], assets: Sequence[str], geobox: GeoBox) -> Float32Array:
        """Read one window; see `numbers` and `Wanted`.

        Returns
        -------
        (item, asset, y, x) float32 digital numbers, NaN where the file says nodata.
        """


def open_reader(
    kind: str,
    locate: Locate,
    threads: int = 1,
    others: Sequence[Item] = (),
    s3: S3Access = AMAZON,
) -> Reader:
    """Build the reader that the survey names in `catalog.reader`.

    Parameters
    ----------
    kind
        `native`, `stackstac` or `odc-stac`.
    locate
        Turns a link of the manifest into what GDAL opens.
    threads
        Threads that read; 1: the calling one.
    others
        Items whose files are tried where a server refuses one: see `FileAccess`.
    s3
        How buckets are reached.
    """
    access = FileAccess(locate, others, s3)
    if kind == "native":
        return NativeReader(access, threads)
    # both take a second to import, and what they build on another
    from minecover.sources.dask_readers import OdcReader, StackstacReader

    return {"stackstac": StackstacReader, "odc-stac": OdcReader}[kind](access, threads)
