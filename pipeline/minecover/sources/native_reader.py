"""The reader that only decodes: windows as they lie in the files, each file opened once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import rasterio

from minecover.sources.direct import is_of_integers, nodata_of, read_float, read_into
from minecover.sources.file_reader import FileReader
from minecover.sources.gdal import gdal_env
from minecover.sources.locate import OWN
from minecover.sources.manifest import Item
from minecover.sources.numbers import Numbers, Wanted
from minecover.sources.open_rasters import open_rasters
from minecover.storage.location import is_url

__all__ = ["NativeReader", "in_flight"]

IN_FLIGHT = 24
"""Files far away that are read at once: most of the time of each is waiting."""

Raster: TypeAlias = rasterio.DatasetReader
File = tuple[Item, str]


def in_flight(place: str, threads: int) -> int:
    """Count the files that are read at once, by where they lie and the threads of a worker."""
    return max(threads, IN_FLIGHT) if is_url(place) or place.startswith("/vsi") else threads


class NativeReader(FileReader):
    """Windows decoded as they lie in the files, by rasterio."""

    def _read(self, wanted: Sequence[Wanted]) -> list[Numbers]:
        places = [(w, n) for w, window in enumerate(wanted) for n in range(len(window.files))]
        files = [file for window in wanted for file in window.files]
        integers = dict.fromkeys(range(len(wanted)), True)

        def look(n: int, raster: Raster) -> None:
            item, key = files[n]
            if not is_of_integers(raster, item.assets[key]):
                integers[places[n][0]] = False

        self._with_each(files, look)
        found = [_empty(window, integers[w]) for w, window in enumerate(wanted)]

        def fill(n: int, raster: Raster) -> None:
            w, own = places[n]
            _fill(wanted[w], found[w], own, raster)

        self._with_each(files, fill)
        return found

    def _with_each(self, files: Sequence[File], work: Callable[[int, Raster], None]) -> None:
        """Do something with every file, several at once; name the first that fails."""
        if not files:
            return
        place = self._path(files[0])
        threads = min(in_flight(place, self.threads), len(files))
        queue = _Queue(len(files))

        def drain() -> None:
            with gdal_env(self.access.s3, place):  # GDAL's options are of a thread
                for n in queue:
                    try:
                        path, own = self._path(files[n]), is_own(files[n])
                        with open_rasters().opened(path, own=own) as raster:
                            work(n, raster)
                    except (RuntimeError, OSError, rasterio.errors.RasterioError) as error:
                        queue.failed[n] = error

        if threads == 1:
            drain()
        else:
            pool = _pool(os.getpid(), threads)
            for done in [pool.submit(drain) for _ in range(threads)]:
                done.result()
        for n in sorted(queue.failed):
            raise self.access.meaning(queue.failed[n], *files[n]) from queue.failed[n]

    def _path(self, file: File) -> str:
        item, key = file
        return self.access.locate(item.assets[key].href)


def is_own(file: File) -> bool:
    """Tell whether the survey itself names a file, which may be of any format then."""
    item, key = file
    return item.assets[key].href.startswith(OWN)


def _empty(wanted: Wanted, integers: bool) -> Numbers:
    files = (len(wanted.items), len(wanted.assets))
    values = np.empty((*files, *wanted.geobox.shape), np.uint16 if integers else np.float32)
    return Numbers(values, np.full(files, np.nan, np.float32))


def _fill(wanted: Wanted, numbers: Numbers, n: int, raster: Raster) -> None:
    place = divmod(n, len(wanted.assets))
    asset, out = wanted.asset(*place), numbers.values[place]
    if out.dtype == np.uint16:
        numbers.nodata[place] = nodata_of(raster, asset)
        read_into(raster, asset, wanted.geobox, out)
    else:
        out[:] = read_float(raster, asset, wanted.geobox)


class _Queue:
    """Numbers from 0, each given to one thread, until there are no more or one has failed."""

    def __init__(self, count: int) -> None:
        self.failed: dict[int, Exception] = {}
        self._numbers = iter(range(count))
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[int]:
        while not self.failed:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            yield number


@lru_cache(maxsize=4)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads that stay, as GDAL keeps the connections of each."""
    del process  # the threads of another do not live after a fork
    return ThreadPoolExecutor(threads, "reading")
