"""A raster of named layers in a store: windows read by name, tiles written whole."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from minecover.arrays import Float32Array, Int64Array
from minecover.errors import StoreError
from minecover.geography.grid import Grid, Tile, Window
from minecover.storage.bucket import store_errors, with_retries
from minecover.storage.canonical_json import Json
from minecover.storage.damage import read_pixels
from minecover.storage.durable import reach_disk
from minecover.storage.location import is_url
from minecover.storage.metering import MeteredStore
from minecover.storage.raster import positions_of, read_window
from minecover.storage.raster_array import UNIT
from minecover.storage.shard import encode_shard

__all__ = ["LAYERS", "PERIODS", "Layers", "reach_store"]

LAYERS = "layers"
"""Attribute of a raster's group: its arrays in order, each with the names of its layers."""

PERIODS = "periods"
"""Attribute of a raster's group: names of its periods in order, where it has any."""

READ_BYTES = 64 * 2**20
"""What is read of a raster at once, at most, where it is read part by part."""


@dataclass(frozen=True)
class _StoredArray:
    """One array of a raster.

    Attributes
    ----------
    array
        (..., y, x), or (period, ..., y, x).
    layers
        Positions of its layers in the raster, half open.
    """

    array: zarr.Array[Any]
    layers: slice
    has_periods: bool

    @cached_property
    def leading(self) -> tuple[int, ...]:
        """Lengths of its axes before y and x, without that of the periods."""
        return tuple(int(length) for length in self.array.shape[int(self.has_periods) : -2])

    def boxes(self, wanted: Int64Array, window: Window) -> Iterator[tuple[slice, ...]]:
        """Cover wanted layers by boxes of whole inner chunks, of about `READ_BYTES` at most.

        Parameters
        ----------
        wanted
            Positions in the array, in C order of its axes.
        window
            Of the grid: what is read of each.
        """
        if not self.leading:
            yield ()
            return
        depth = np.array(self.array.chunks[int(self.has_periods) : -2])
        places = np.stack(np.unravel_index(wanted, self.leading), axis=1)
        cells = np.unique(places // depth, axis=0)
        layer = 4 * math.prod(window.shape)
        most = max(1, READ_BYTES // (max(1, layer) * int(depth.prod())))
        for run in _runs(cells, most):
            first, last = run[0] * depth, (run[-1] + 1) * depth
            ends = np.minimum(last, self.leading)
            yield tuple(slice(int(a), int(b)) for a, b in zip(first, ends, strict=True))

    def numbers(self, box: tuple[slice, ...]) -> Int64Array:
        """Positions of the layers of a box, in C order."""
        every = np.arange(math.prod(self.leading), dtype=np.int64).reshape(self.leading)
        return np.atleast_1d(every[box]).ravel()


def _runs(cells: Int64Array, most: int) -> Iterator[Int64Array]:
    """Cut sorted rows of chunks where one does not follow the other along the last axis."""
    steps = np.diff(cells, axis=0)
    follows = (steps[:, :-1] == 0).all(axis=1) & (steps[:, -1] == 1)
    for run in np.split(cells, np.flatnonzero(~follows) + 1):
        for start in range(0, len(run), most):
            yield run[start : start + most]


@dataclass(frozen=True)
class Layers:
    """A raster of named layers in a store, float32, NaN where nodata.

    Also readable by `xarray.open_zarr(path)["reflectance"].sel(season="summer", band="B08")`.

    Attributes
    ----------
    store_url, name, group
        Where it is.
    period
        That is read, of a raster of several; empty: it has none.
    """

    store_url: str
    name: str
    group: zarr.Group
    period: str = ""

    @cached_property
    def periods(self) -> tuple[str, ...]:
        """Names of its periods, in order; none where it has no such dimension."""
        listed: Any = self.group.attrs.get(PERIODS, [])
        return tuple(listed)

    def check(self) -> None:
        """Refuse what `Store.create_layers` does not write.

        Raises
        ------
        ValueError
            What is listed is no array of tiles with so many layers.
        """
        for name, stored in self._arrays.items():
            if stored.array.shards is None or stored.array.ndim < 2:
                raise ValueError(f"{name} has no tiles")
            listed, there = len(self._listed[name]), math.prod(stored.leading)
            if listed != there:
                raise ValueError(f"{name} has {there} layers, and {listed} are listed")
        if not self._arrays:
            raise ValueError("none is listed")

    def in_period(self, period: str) -> Layers:
        """Have another period read.

        Raises
        ------
        StoreError
            The raster has no such period.
        """
        self._at(period)
        return replace(self, period=period)

    def _at(self, period: str) -> tuple[slice, ...]:
        """Where a period lies along the first axis; nothing where there is no such axis."""
        if not (self.periods or period):
            return ()
        if period not in self.periods:
            raise StoreError(
                f"{self._where}: no period {period!r}; it has "
                f"{', '.join(self.periods) or 'none at all'}: run the survey that names it"
            )
        place = self.periods.index(period)
        return (slice(place, place + 1),)

    @property
    def _where(self) -> str:
        return f"{self.store_url}/{self.name}"

    @cached_property
    def _listed(self) -> dict[str, list[str]]:
        listed: Any = self.group.attrs[LAYERS]
        return {array: list(layers) for array, layers in listed}

    @cached_property
    def _arrays(self) -> dict[str, _StoredArray]:
        """Arrays by name, in order."""
        found, start = {}, 0
        for name, layers in self._listed.items():
            array = with_retries(self._where, partial(self.group.__getitem__, name))
            if not isinstance(array, zarr.Array):
                raise ValueError(f"{name} is no array")
            place = slice(start, start + len(layers))
            found[name] = _StoredArray(array, place, bool(self.periods))
            start += len(layers)
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the layers, in order."""
        return tuple(name for layers in self._listed.values() for name in layers)

    @cached_property
    def units(self) -> Mapping[str, str]:
        """Units of the layers by name, where each has one of its own, as features have."""
        if UNIT not in self.group:
            return {}
        units: Any = self.group[UNIT]
        return dict(zip(self.names, map(str, units[:]), strict=True))

    @property
    def attributes(self) -> dict[str, Json]:
        """What was recorded when the raster was created."""
        return dict(self.group.attrs)

    def record(self, attributes: Mapping[str, Json]) -> None:
        """Record other attributes, in place of those of these names."""

        def record() -> None:
            self.group.update_attributes(dict(attributes))
            with warnings.catch_warnings():
                # as where the raster is created
                warnings.simplefilter("ignore", zarr.errors.ZarrUserWarning)
                zarr.consolidate_metadata(self.group.store)

        with_retries(self._where, record)

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        *_, height, width = next(iter(self._arrays.values())).array.shape
        return int(height), int(width)

    @property
    def tile_size(self) -> int:
        """Edge in pixels of a tile: of what was written, and is best read, at once."""
        shards = next(iter(self._arrays.values())).array.shards
        assert shards is not None
        return int(shards[-1])

    def block_edge(self, count: int) -> int:
        """Edge of blocks of whole inner chunks of so many layers, of `READ_BYTES` at most."""
        chunk = next(iter(self._arrays.values())).array.chunks[-1]
        chunks = int(np.sqrt(READ_BYTES / (4 * count))) // chunk
        return int(min(max(chunks, 1), -(-max(self.shape) // chunk)) * chunk)

    def read(
        self, window: Window, names: Sequence[str] | None = None, *, mirror: bool = False
    ) -> Float32Array:
        """Read a window; see `Raster.read`."""
        wanted = self.names if names is None else names
        places = np.array(positions_of(wanted, self.names, self._where), dtype=np.int64)
        read = partial(self._read_layers, places)
        return read_window(self.shape, len(places), window, read, mirror=mirror)

    def _read_layers(self, wanted: Int64Array, window: Window) -> Float32Array:
        """Read a window of the grid: only the inner chunks that hold a wanted layer."""
        out = np.empty((len(wanted), *window.shape), dtype=np.float32)
        for stored in self._arrays.values():
            start, stop = stored.layers.start, stored.layers.stop
            inside = np.flatnonzero((wanted >= start) & (wanted < stop))
            if not inside.size:
                continue
            own = wanted[inside] - start
            for box in stored.boxes(own, window):
                numbers = stored.numbers(box)
                values = self._read_box(stored, box, window)
                # layer by layer: no copy of all of them on the way
                for place in np.flatnonzero(np.isin(own, numbers)):
                    out[inside[place]] = values[np.searchsorted(numbers, own[place])]
                del values  # before more is read
        return out

    def _read_box(
        self, stored: _StoredArray, box: tuple[slice, ...], window: Window
    ) -> Float32Array:
        at = self._at(self.period)

        def read(part: Window) -> Float32Array:
            return np.asarray(stored.array[(*at, *box, *part.slices)])

        edge = self.tile_size
        values = read_pixels(self.store_url, self.name, edge, window, read, self.period)
        flat: Float32Array = values.reshape(-1, *window.shape)
        return flat

    def write_tile(self, grid: Grid, tile: Tile, values: Float32Array) -> None:
        """Write all layers of one tile: of each array one shard, whole or not at all.

        Parameters
        ----------
        grid
            The survey's grid.
        tile
            Whose pixels are written, in its period.
        values
            (layer, y, x) float32 of the tile's own window.
        """
        window = grid.window(tile)
        expected = (len(self.names), *window.shape)
        if values.shape != expected:
            raise ValueError(f"{self.name} {tile.name}: shape {values.shape}, not {expected}")
        period = self._at(tile.period)
        for name, stored in self._arrays.items():
            shape = (*(1 for _ in period), *stored.leading, *window.shape)
            first = (*(part.start for part in period), *(0 for _ in stored.leading))
            shard = "/".join(map(str, (*first, tile.row, tile.column)))
            data = encode_shard(stored.array, values[stored.layers].reshape(shape))
            key, store = f"{name}/c/{shard}", self.group.store
            assert isinstance(store, MeteredStore)
            with_retries(f"{self._where} {tile.name}", partial(store.replace, key, data))
            reach_store(self.store_url, f"{self.name}/{key}")


def reach_store(url: str, key: str) -> None:
    """Wait until an object of a local store, if it is there, is on the disk."""
    if not is_url(url):
        with store_errors(f"{url}/{key}"):
            reach_disk(Path(url) / key, Path(url))
