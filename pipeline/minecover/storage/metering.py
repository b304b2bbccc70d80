"""The bytes of rasters that this process moved, compressed as they are in the store."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import obstore
import zarr
from obstore.exceptions import NotFoundError
from obstore.store import ObjectStore
from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype

from minecover.storage.checksums import drop, note

__all__ = ["IoCounters", "MeteredStore", "io_counters"]


@dataclass
class IoCounters:
    """Bytes read from rasters and written to them."""

    read: int = 0
    written: int = 0

    def since(self, before: IoCounters) -> IoCounters:
        """Tell what was moved between two looks."""
        return IoCounters(self.read - before.read, self.written - before.written)


_moved = IoCounters()


def io_counters() -> IoCounters:
    """Tell what this process moved so far."""
    return IoCounters(_moved.read, _moved.written)


class MeteredStore(zarr.storage.ObjectStore[ObjectStore]):
    """A raster as Zarr wants it, that counts, and notes what is written.

    All are counted together: a worker has one tile at a time, whatever rasters it opens for it.
    """

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object or a part of it.

        Raises
        ------
        ValueError
            It is empty, as no object of a raster is: Zarr would take it for nodata.
        """
        value = await super().get(key, prototype, byte_range)
        if value is not None and len(value) == 0:
            raise ValueError(f"{key} is empty")
        _moved.read += 0 if value is None else len(value)
        return value

    async def set(self, key: str, value: Buffer) -> None:
        """Write an object."""
        await super().set(key, value)
        _moved.written += len(value)
        note(f"{self._name}/{key}", [value.to_bytes()])

    def replace(self, key: str, data: bytes | bytearray) -> None:
        """Write an object whole; where it would be empty there is none."""
        if data:
            obstore.put(self.store, key, data)
            _moved.written += len(data)
            note(f"{self._name}/{key}", [data])
            return
        with suppress(NotFoundError, FileNotFoundError):
            obstore.delete(self.store, key)
        drop(f"{self._name}/{key}")

    async def delete(self, key: str) -> None:
        """Delete an object."""
        await super().delete(key)
        drop(f"{self._name}/{key}")

    @property
    def _name(self) -> str:
        """Name of the raster in its store."""
        return str(getattr(self.store, "prefix", "")).rstrip("/").rpartition("/")[2]
