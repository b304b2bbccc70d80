"""The reader that only decodes: windows as they lie in the files, each header read once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import cast

import numpy as np
import numpy.typing as npt
import rasterio

from minecover.arrays import Float32Array
from minecover.errors import MinecoverError
from minecover.sources.direct import INTEGERS, read_float, read_into
from minecover.sources.file_reader import FileReader
from minecover.sources.gdal import gdal_env
from minecover.sources.header import Header
from minecover.sources.known_headers import file_state, known_header
from minecover.sources.locate import OWN
from minecover.sources.manifest import Asset, Item
from minecover.sources.native import NativeGrid
from minecover.sources.numbers import Numbers, Wanted
from minecover.sources.open_rasters import open_rasters
from minecover.sources.ranges import bytes_of, is_far
from minecover.sources.tile_reader import TILE_ERRORS, TiledFile

__all__ = ["NativeReader", "in_flight"]

IN_FLIGHT = 32
"""Files far away that are read at once: most of the time of each is waiting."""

READING_ERRORS = (MinecoverError, RuntimeError, OSError, rasterio.errors.RasterioError)

File = tuple[Item, str]
Integers = npt.NDArray[np.uint16]
Pixels = Integers | Float32Array


def in_flight(place: str, threads: int) -> int:
    """Count the files that are read at once, by where they lie and the threads of a worker."""
    return max(threads, IN_FLIGHT) if is_far(place) else threads


class NativeReader(FileReader):
    """Windows decoded as they lie in the files.

    Tiles of plain integers are fetched and inflated here, all else is read by rasterio; so is what
    cannot be fetched or inflated, and what rasterio says of it counts.
    """

    def _read(self, wanted: Sequence[Wanted]) -> list[Numbers]:
        places = [(w, n) for w, window in enumerate(wanted) for n in range(len(window.files))]
        files = [file for window in wanted for file in window.files]
        headers: dict[int, Header] = {}

        def look(n: int) -> None:
            headers[n] = self._header(files[n])

        self._with_each(files, look)
        integers = dict.fromkeys(range(len(wanted)), True)
        for n, (item, key) in enumerate(files):
            kind = headers[n].kinds[_number(headers[n], item.assets[key])]
            integers[places[n][0]] &= kind in INTEGERS and not item.assets[key].masked
        found = [_empty(window, integers[w]) for w, window in enumerate(wanted)]

        def fill(n: int) -> None:
            w, own = places[n]
            place = divmod(own, len(wanted[w].assets))
            asset = wanted[w].asset(*place)
            if integers[w]:
                found[w].nodata[place] = headers[n].nodatas[_number(headers[n], asset)]
            self._fill(files[n], wanted[w], headers[n], found[w].values[place])

        self._with_each(files, fill)
        return found

    def _header(self, file: File) -> Header:
        item, key = file
        href, where = item.assets[key].href, f"item {item.id}, asset {key}"
        return known_header(self._path(file), href, where, self.access.s3, own=_is_own(file))

    def _fill(self, file: File, wanted: Wanted, header: Header, out: Pixels) -> None:
        """Read a window of a file, as its own integers or as floats."""
        asset = file[0].assets[file[1]]
        if out.dtype == np.uint16 and self._fill_by_tiles(file, wanted, header, out):
            return
        with open_rasters().opened(self._path(file), own=_is_own(file)) as raster:
            if out.dtype == np.uint16:
                read_into(raster, asset, wanted.geobox, out)
            else:
                out[:] = read_float(raster, asset, wanted.geobox)

    def _fill_by_tiles(self, file: File, wanted: Wanted, header: Header, out: Pixels) -> bool:
        """Read a window without rasterio, where that can be done."""
        path, grid = self._path(file), NativeGrid.of(file[0].assets[file[1]])
        read = bytes_of(path, self.access.s3)
        if header.tiles is None or read is None or header.tiles.shape != grid.shape:
            return False
        window = grid.stored_window(grid.window(wanted.geobox))
        if window.clip(*grid.shape) != window:
            return False
        try:
            TiledFile(file_state(path), header.tiles, read).read_window(
                window, cast("Integers", out)
            )
        except TILE_ERRORS:
            return False
        if grid.stored is not None:
            out[:] = grid.from_north(out)
        return True

    def _with_each(self, files: Sequence[File], work: Callable[[int], None]) -> None:
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
                        work(n)
                    except READING_ERRORS as error:
                        queue.failed[n] = error

        if threads == 1:
            drain()
        else:
            pool = _pool(os.getpid(), threads)
            for done in [pool.submit(drain) for _ in range(threads)]:
                done.result()
        for n in sorted(queue.failed):
            error = queue.failed[n]
            meaning = self.access.meaning(error, *files[n])
            raise meaning from (None if meaning is error else error)

    def _path(self, file: File) -> str:
        item, key = file
        return self.access.locate(item.assets[key].href)


def _is_own(file: File) -> bool:
    """Tell whether the survey itself names a file, which may be of any format then."""
    item, key = file
    return item.assets[key].href.startswith(OWN)


def _number(header: Header, asset: Asset) -> int:
    """Position of an asset's band in its file."""
    if isinstance(asset.band, str):
        return header.bands.index(asset.band)
    return (asset.band or 1) - 1


def _empty(wanted: Wanted, integers: bool) -> Numbers:
    files = (len(wanted.items), len(wanted.assets))
    values = np.empty((*files, *wanted.geobox.shape), np.uint16 if integers else np.float32)
    return Numbers(values, np.full(files, np.nan, np.float32))


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
