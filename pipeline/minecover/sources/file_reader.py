"""What every reader does with the files that are wanted of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np
from odc.geo.geobox import GeoBox

from minecover.arrays import Float32Array
from minecover.errors import MinecoverError
from minecover.sources.access import FileAccess
from minecover.sources.checksum import verify
from minecover.sources.locate import OWN
from minecover.sources.manifest import Asset, Item
from minecover.sources.native import NativeGrid
from minecover.sources.numbers import Numbers, Wanted
from minecover.sources.zarr_images import READING_ERRORS, is_zarr, open_image
from minecover.storage.location import is_url

__all__ = ["FileReader"]

ARRAYS_AT_ONCE = 8
"""Arrays that are read at once: a chunk far away takes its time."""


class FileReader(ABC):
    """Verifies checksums and counts pixels; how files are read is for its subclasses to say.

    Parameters
    ----------
    access
        How the files are reached.
    threads
        Threads that read; 1: the calling one.
    """

    def __init__(self, access: FileAccess, threads: int) -> None:
        self.access = access
        self.threads = threads
        self.pixels = 0

    def read(self, items: Sequence[Item], assets: Sequence[str], geobox: GeoBox) -> Float32Array:
        """Read a window as it is computed with; see `Reader.read`."""
        (numbers,) = self.numbers([Wanted(items, assets, geobox)])
        return numbers.floats()

    def numbers(self, wanted: Sequence[Wanted]) -> list[Numbers]:
        """Read windows as their files hold them; see `Reader.numbers`."""
        for window in wanted:
            self._verify(window)
        files = iter(self._read([window for window in wanted if not self._of_arrays(window)]))
        found = [self._arrays(w) if self._of_arrays(w) else next(files) for w in wanted]
        self.pixels += sum(numbers.values.size for numbers in found)
        return found

    def _arrays(self, wanted: Wanted) -> Numbers:
        """Read a window of arrays, and of files among them."""
        with ThreadPoolExecutor(max(self.threads, ARRAYS_AT_ONCE)) as pool:
            read = [pool.submit(self._one, *file, wanted.geobox) for file in wanted.files]
            found = [future.result() for future in read]
        shape = (len(wanted.items), len(wanted.assets))
        nodata = np.array([n.nodata[0, 0] for n in found], np.float32).reshape(shape)
        integers = all(numbers.values.dtype == np.uint16 for numbers in found)
        values = np.stack([n.values[0, 0] if integers else n.floats()[0, 0] for n in found])
        return Numbers(
            cast(Float32Array, values.reshape(*shape, *wanted.geobox.shape)),
            nodata if integers else np.full(shape, np.nan, np.float32),
        )

    def _one(self, item: Item, key: str, box: GeoBox) -> Numbers:
        asset = item.assets[key]
        if not self._is_array(asset):
            return self._read([Wanted([item], [key], box)])[0]
        where, s3 = f"item {item.id}, asset {key}", self.access.s3
        try:
            image = open_image(self.access.locate(asset.href), where, s3)
            grid = NativeGrid.of(asset)
            window = grid.stored_window(grid.window(box))
            values = grid.from_north(image.read(window, _number(asset)))
        except (MinecoverError, *READING_ERRORS) as error:
            raise self.access.meaning(error, item, key) from error
        kind = np.uint16 if values.dtype in (np.uint8, np.uint16) else np.float32
        nodata = np.array([[image.nodata]], np.float32)
        numbers = values.astype(kind, copy=False)[np.newaxis, np.newaxis]
        return Numbers(cast(Float32Array, numbers), nodata)

    @abstractmethod
    def _read(self, wanted: Sequence[Wanted]) -> list[Numbers]:
        """Read windows of files that are the ones their items describe."""

    def _verify(self, wanted: Wanted) -> None:
        for item, key in wanted.files:
            asset = item.assets[key]
            if asset.checksum is not None and not is_url(asset.href):
                where = f"item {item.id}, asset {key}"
                verify(Path(self.access.locate(asset.href)), asset.checksum, where)

    def _of_arrays(self, wanted: Wanted) -> bool:
        """Tell whether some of what is wanted are arrays of Zarr stores."""
        return any(self._is_array(item.assets[key]) for item, key in wanted.files)

    def _is_array(self, asset: Asset) -> bool:
        own = asset.href.startswith(OWN)
        return is_zarr(self.access.locate(asset.href) if own else asset.href)

    def _place(self, wanted: Wanted) -> str:
        """One of the files, for all: they lie on a disk, or far away."""
        return self.access.locate(wanted.asset(0, 0).href)


def _number(asset: Asset) -> int:
    """Give the number of an asset's band in an array of several."""
    return asset.band if isinstance(asset.band, int) else 1
