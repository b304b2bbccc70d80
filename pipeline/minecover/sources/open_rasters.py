"""Rasters that stay open in a process, so that no header is read twice."""

from __future__ import annotations

import os
import resource
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import rasterio

from minecover.sources.gdal import open_raster
from minecover.sources.known_headers import file_state

__all__ = ["OpenRasters", "open_rasters"]

MOST = 1000
"""Rasters that are held open at most, each of some tens of kilobytes."""

Key = tuple[str, int, int, bool]


class OpenRasters:
    """Hands out open rasters, each to one thread at a time, and keeps those last used open.

    Parameters
    ----------
    most
        Kept open.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: OrderedDict[Key, list[rasterio.DatasetReader]] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    @contextmanager
    def opened(self, path: str, *, own: bool = False) -> Iterator[rasterio.DatasetReader]:
        """Open a raster for a `with` block, inside of `gdal_env`.

        Parameters
        ----------
        path
            What GDAL opens; a file on this disk that was replaced is opened anew.
        own
            The survey itself names the file, which may be of any format: see `gdal.FORMATS`.

        Raises
        ------
        RasterioIOError
            It cannot be opened.
        """
        key = (*file_state(path), own)
        raster = self._taken(key) or open_raster(path, own=own)
        try:
            yield raster
        except BaseException:
            raster.close()  # what failed once is not trusted to have forgotten it
            raise
        self._give_back(key, raster)

    def _taken(self, key: Key) -> rasterio.DatasetReader | None:
        with self._lock:
            held = self._held.get(key)
            if not held:
                return None
            raster = held.pop()
            self._count -= 1
            if not held:
                del self._held[key]
            return raster

    def _give_back(self, key: Key, raster: rasterio.DatasetReader) -> None:
        surplus = []
        with self._lock:
            self._held.setdefault(key, []).append(raster)
            self._held.move_to_end(key)
            self._count += 1
            while self._count > self.most:
                oldest = next(iter(self._held))
                surplus += self._held.pop(oldest)
                self._count -= len(surplus)
        for old in surplus:
            old.close()


def open_rasters() -> OpenRasters:
    """Rasters that this process holds open: a quarter of the files that it may, at most."""
    return _of_process(os.getpid())  # what was opened before a fork is another's


@lru_cache(maxsize=1)
def _of_process(process: int) -> OpenRasters:
    del process
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OpenRasters(MOST if files == resource.RLIM_INFINITY else min(MOST, files // 4))
