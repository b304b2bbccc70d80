"""What every reader does with the files that are wanted of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from odc.geo.geobox import GeoBox

from minecover.arrays import Float32Array
from minecover.sources.access import FileAccess
from minecover.sources.checksum import verify
from minecover.sources.manifest import Item
from minecover.sources.numbers import Numbers, Wanted
from minecover.storage.location import is_url

__all__ = ["FileReader"]


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
        found = self._read(wanted)
        self.pixels += sum(numbers.values.size for numbers in found)
        return found

    @abstractmethod
    def _read(self, wanted: Sequence[Wanted]) -> list[Numbers]:
        """Read windows of files that are the ones their items describe."""

    def _verify(self, wanted: Wanted) -> None:
        for item, key in wanted.files:
            asset = item.assets[key]
            if asset.checksum is not None and not is_url(asset.href):
                where = f"item {item.id}, asset {key}"
                verify(Path(self.access.locate(asset.href)), asset.checksum, where)

    def _place(self, wanted: Wanted) -> str:
        """One of the files, for all: they lie on a disk, or far away."""
        return self.access.locate(wanted.asset(0, 0).href)
