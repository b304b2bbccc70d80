"""The store: one folder or bucket that holds everything a survey produces.

Objects appear whole or not at all, in a folder as in a bucket: obstore writes a file beside its
final place and renames it. Rasters are Zarr v3 arrays of named layers, (layer, y, x) float32 with
NaN as nodata, in which **one tile is one shard is one object**; so a tile of a stage is written
by a single atomic put, and no reader ever sees half of it.
"""

from __future__ import annotations

import json
import math
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import zarr
from obstore.exceptions import AlreadyExistsError, NotFoundError

from minecover.arrays import Float32Array, Int64Array
from minecover.errors import StoreError
from minecover.geography.grid import Grid, Tile, Window
from minecover.storage.bucket import listed, open_store, retry, store_errors, with_retries
from minecover.storage.canonical_json import Json, canonical_json
from minecover.storage.durable import reach_disk
from minecover.storage.location import is_url
from minecover.storage.metering import MeteredStore
from minecover.storage.raster import positions_of, read_window
from minecover.storage.zarr_arrays import create_arrays

__all__ = ["Layers", "Store"]

PART = 5 * 2**20
"""Bytes of a part of a large file on its way to a bucket, at least."""

READ_BYTES = 64 * 2**20
"""What is read of a raster at once, at most, where it is read part by part."""


class Store:
    """Named JSON documents, files and layer rasters under one root.

    Parameters
    ----------
    url
        A local folder, or `s3://bucket/prefix` with endpoint and credentials in the environment
        (see `storage.s3`; they are never written anywhere).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.root = open_store(url)

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        return Store, (self.url,)

    @property
    def local_path(self) -> Path | None:
        """The folder, or None where the store is a bucket."""
        return None if is_url(self.url) else Path(self.url)

    def read(self, key: str) -> bytes | None:
        """Bytes of an object, or None where there is none."""
        with store_errors(f"{self.url}/{key}"):
            try:
                return retry(lambda: bytes(obstore.get(self.root, key).bytes()))
            except (NotFoundError, FileNotFoundError):
                return None

    def write(self, key: str, data: bytes) -> None:
        """Write an object whole, replacing what was there."""
        with_retries(f"{self.url}/{key}", lambda: obstore.put(self.root, key, data))
        _reach_disk(self.url, key)

    def create(self, key: str, data: bytes) -> bool:
        """Write an object only where there is none; tell whether this call was the one."""
        with store_errors(f"{self.url}/{key}"):
            try:
                retry(lambda: obstore.put(self.root, key, data, mode="create"))
            except AlreadyExistsError:
                return False
        _reach_disk(self.url, key)
        return True

    def read_json(self, key: str) -> Json | None:
        """Parse a JSON object, or None where there is none.

        Raises
        ------
        StoreError
            The object is no JSON.
        """
        data = self.read(key)
        if data is None:
            return None
        try:
            return json.loads(data)
        except ValueError as error:
            raise StoreError(f"{self.url}/{key}: damaged; delete it and run again") from error

    def write_json(self, key: str, value: Json) -> None:
        """Write a value as JSON with sorted keys, so that equal values are equal bytes."""
        self.write(key, canonical_json(value))

    def names(self, prefix: str) -> Iterator[str]:
        """Keys under a prefix, streamed."""
        return (key for key, _ in self.entries(prefix))

    def entries(self, prefix: str) -> Iterator[tuple[str, float]]:
        """Keys under a prefix with the time each was last written (Unix seconds), streamed."""
        with store_errors(f"{self.url}/{prefix}"):
            for item in listed(self.root, prefix):
                yield str(item["path"]), item["last_modified"].timestamp()

    def folders(self, prefix: str) -> list[str]:
        """Prefixes one step below a prefix."""
        where = f"{self.url}/{prefix}"
        found = with_retries(where, lambda: obstore.list_with_delimiter(self.root, prefix=prefix))
        return list(found["common_prefixes"])

    def delete(self, place: str) -> None:
        """Delete an object, or every object under a folder."""
        names = list(self.names(place)) or [place] * (self.read(place) is not None)
        for start in range(0, len(names), 1000):
            some = names[start : start + 1000]
            with_retries(f"{self.url}/{place}", partial(obstore.delete, self.root, some))

    def remove(self, key: str) -> None:
        """Delete one object; it may be gone already."""
        with store_errors(f"{self.url}/{key}"), suppress(NotFoundError, FileNotFoundError):
            retry(lambda: obstore.delete(self.root, key))

    @contextmanager
    def writing_file(self, key: str) -> Iterator[Path]:
        """Lend a path for a library that wants one; the file appears under `key` at the end.

        Nothing appears where the block raises. Large files go up in parts.
        """
        folder = self.local_path
        with (
            store_errors(f"{self.url}/{key}"),
            tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as scratch,
        ):
            path = Path(scratch) / Path(key).name
            yield path
            if folder is None:
                # a bucket takes 10,000 parts
                part = max(PART, -(-path.stat().st_size // 9_000))
                retry(lambda: obstore.put(self.root, key, path, chunk_size=part))
                return
            target = folder / key
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        _reach_disk(self.url, key)

    def layers(self, name: str) -> Layers:
        """Open a raster of named layers.

        Raises
        ------
        StoreError
            It does not exist.
        """
        with store_errors(f"{self.url}/{name}"):
            try:
                group = retry(lambda: zarr.open_group(self._zarr(name), mode="r+"))
            except FileNotFoundError as error:
                raise StoreError(f"{self.url}/{name}: not there; run the stage before") from error
        return Layers(self.url, name, group)

    def create_layers(
        self, name: str, grid: Grid, layers: Sequence[str], attributes: Mapping[str, Json]
    ) -> Layers:
        """Create a raster of named layers on the survey's grid; no pixel is written.

        Parameters
        ----------
        name
            As `cube.zarr`; what was there is deleted.
        grid
            Gives shape, CRS and the shard's edge.
        layers
            Names of the layers, in order.
        attributes
            Kept in the group's attributes.
        """

        def create() -> None:
            self.delete(name)
            group = zarr.create_group(self._zarr(name), attributes=dict(attributes))
            create_arrays(group, grid, layers)
            with warnings.catch_warnings():
                # xarray looks for consolidated metadata and warns where there is none
                warnings.simplefilter("ignore", zarr.errors.ZarrUserWarning)
                zarr.consolidate_metadata(group.store)

        with_retries(f"{self.url}/{name}", create)
        _reach_disk(self.url, name)
        return self.layers(name)

    def _zarr(self, name: str) -> MeteredStore:
        return MeteredStore(open_store(f"{self.url}/{name}"))


def _reach_disk(url: str, key: str) -> None:
    """Wait until an object of a local store, if it is there, is on the disk."""
    if not is_url(url):
        with store_errors(f"{url}/{key}"):
            reach_disk(Path(url) / key, Path(url))


@dataclass(frozen=True)
class Layers:
    """A raster of named layers in a store, (layer, y, x) float32, NaN where nodata.

    Also readable by `xarray.open_zarr(path)["layers"].sel(layer="summer_NDVI")`.
    """

    store_url: str
    name: str
    group: zarr.Group

    @cached_property
    def array(self) -> zarr.Array[Any]:
        """The Zarr array."""
        array = with_retries(f"{self.store_url}/{self.name}", lambda: self.group["layers"])
        assert isinstance(array, zarr.Array)
        return array

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the layers, in order."""
        where = f"{self.store_url}/{self.name}"
        names = with_retries(where, lambda: np.asarray(self.group["layer"][:]))  # type: ignore[index]
        return tuple(str(name) for name in names)

    @property
    def attributes(self) -> dict[str, Json]:
        """What was recorded when the raster was created."""
        return dict(self.group.attrs)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        _, height, width = self.array.shape
        return int(height), int(width)

    def block_edge(self, count: int) -> int:
        """Edge of blocks of whole inner chunks of so many layers, of `READ_BYTES` at most."""
        chunk = self.array.chunks[-1]
        chunks = int(np.sqrt(READ_BYTES / (4 * count))) // chunk
        return int(min(max(chunks, 1), -(-max(self.shape) // chunk)) * chunk)

    def read(
        self, window: Window, names: Sequence[str] | None = None, *, mirror: bool = False
    ) -> Float32Array:
        """Read a window; see `Raster.read`."""
        count = len(self.names) if names is None else len(names)
        read = partial(self._read_layers, names=names)
        return read_window(self.shape, count, window, read, mirror=mirror)

    def _read_layers(self, window: Window, names: Sequence[str] | None) -> Float32Array:
        """Read a window of the grid: only the runs of inner chunks that hold a wanted layer."""
        if names is None:
            return self._read_part(slice(None), window)
        where = f"{self.store_url}/{self.name}"
        wanted = np.array(positions_of(names, self.names, where))
        out = np.empty((len(wanted), *window.shape), dtype=np.float32)
        for first, last in self._runs(wanted, window):
            values = self._read_part(slice(first, last), window)
            # layer by layer: no copy of all of them on the way
            for place in np.flatnonzero((wanted >= first) & (wanted < last)):
                out[place] = values[wanted[place] - first]
            del values  # before more is read
        return out

    def _runs(self, wanted: Int64Array, window: Window) -> Iterator[tuple[int, int]]:
        """First and last layer, this one exclusive, of runs of at most `READ_BYTES` of chunks."""
        depth = self.array.chunks[0]
        most = max(1, READ_BYTES // (4 * depth * max(1, math.prod(window.shape))))
        chunks = np.unique(wanted // depth)
        for run in np.split(chunks, np.flatnonzero(np.diff(chunks) > 1) + 1):
            for start in range(0, len(run), most):
                part = run[start : start + most]
                yield int(part[0]) * depth, (int(part[-1]) + 1) * depth

    def _read_part(self, layers: slice, window: Window) -> Float32Array:
        array = self.array
        where = f"{self.store_url}/{self.name}"
        return with_retries(where, lambda: np.asarray(array[(layers, *window.slices)]))

    def write_tile(self, grid: Grid, tile: Tile, values: Float32Array) -> None:
        """Write all layers of one tile: one shard, one object, whole or not at all.

        Parameters
        ----------
        grid
            The survey's grid.
        tile
            Whose pixels are written.
        values
            (layer, y, x) float32 of the tile's own window.
        """
        window = grid.window(tile)
        expected = (len(self.names), *window.shape)
        if values.shape != expected:
            raise ValueError(f"{self.name} {tile.name}: shape {values.shape}, not {expected}")
        array = self.array
        with_retries(
            f"{self.store_url}/{self.name} {tile.name}",
            lambda: array.set_basic_selection((slice(None), *window.slices), values),
        )
        _reach_disk(self.store_url, f"{self.name}/layers/c/0/{tile.row}/{tile.column}")
