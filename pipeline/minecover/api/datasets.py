"""Rasters of a store as xarray objects, read lazily, and the pixel under a point.

Every Dataset and DataArray has `.point(longitude, latitude)` once this module is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import dask.array as da
import numpy as np
import pyproj
import rioxarray  # noqa: F401  (gives arrays their .rio)
import xarray as xr
from odc.geo.xr import xr_coords

from minecover.api.rasters import class_codes, geobox_of
from minecover.arrays import Float32Array
from minecover.errors import DataError
from minecover.geography.grid import Grid, Window
from minecover.storage.bucket import retry
from minecover.storage.damage import described_arrays, read_pixels
from minecover.storage.layers import LAYERS, PERIODS, Layers
from minecover.storage.raster import Raster
from minecover.storage.raster_array import PERIOD, SEASON, RasterArray
from minecover.storage.store import Store

__all__ = ["computed_layers", "open_layers", "open_raster"]

WGS84 = "EPSG:4326"

T = TypeVar("T", xr.Dataset, xr.DataArray)


def open_raster(store: Store, name: str) -> xr.Dataset:
    """Open a raster of a store lazily: Dask arrays, a chunk the pixels of a tile.

    Parameters
    ----------
    store
        Of a survey.
    name
        As `cube.zarr`.

    Returns
    -------
    Arrays (..., y, x) float32, NaN where nodata and where a tile is not done yet; labels and
    coordinates are read at once, pixels when they are computed.

    Raises
    ------
    StoreError
        It is not there, or damaged.
    """
    layers = store.layers(name)
    with described_arrays(store.url, name):
        return _opened(store, name, layers)


def _opened(store: Store, name: str, layers: Layers) -> xr.Dataset:
    opened = retry(lambda: xr.open_zarr(store.zarr(name), chunks=None))
    loaded = {key: coord.load() for key, coord in opened.coords.items()}
    # text of fixed width, which libraries know that do not know NumPy's newer kind
    text = {
        key: (coord.dims, np.array(coord.to_numpy().tolist(), dtype=str))
        for key, coord in loaded.items()
        if coord.dtype.kind == "T"
    }
    opened = opened.assign_coords(loaded | text)
    edge = layers.tile_size
    sizes = {PERIOD: 1, SEASON: 1, "y": edge, "x": edge}
    chunks = {dim: sizes.get(str(dim), -1) for dim in opened.dims}
    made_from = str(opened.attrs.get("fingerprint"))
    lazy: xr.Dataset = opened.copy()
    for key, array in opened.data_vars.items():
        class_codes(array)  # whose names and codes must fit
        token = (store.url, name, str(key), made_from, str(array.shape))
        pixels = _StoredPixels(store.url, name, edge, array.variable, token, layers.periods)
        lazy[key] = array.copy(data=pixels.lazy(chunks))
    del lazy.attrs[LAYERS]  # the store's own
    lazy.attrs.pop(PERIODS, None)  # and a coordinate
    return lazy


def open_layers(store: Store, name: str, array: str) -> xr.DataArray:
    """Open an array of flat layers; see `open_raster`.

    Its layers are found by name, `.sel(layer="summer_NDVI")`, and by season, feature or source,
    `.sel(season="summer")`, one after the other.
    """
    raster = open_raster(store, name)
    with described_arrays(store.url, name):
        return _indexed(raster[array])


def computed_layers(rasters: Mapping[str, Raster], grid: Grid, layout: RasterArray) -> xr.DataArray:
    """Wrap rasters that are computed where they are read, a chunk the pixels of a tile.

    Parameters
    ----------
    rasters
        Of the layers of `layout`, on the whole of `grid`, by period; one of an empty name has no
        such dimension.
    grid
        Where its pixels lie.
    layout
        Names, labels and attributes.

    Returns
    -------
    As `open_layers` gives it.
    """
    (axis,), edge = layout.axes, grid.tile_size
    size = (len(layout.layers), *grid.shape)
    chunks = da.core.normalize_chunks((-1, edge, edge), shape=size, dtype=np.float32)
    labels = {axis: layout.axes[axis], **layout.coordinates}
    coords = {key: (axis, np.array(values, dtype=str)) for key, values in labels.items()}
    parts = []
    for raster in rasters.values():
        pixels = da.map_blocks(_block, raster, layout.layers, chunks=chunks, dtype=np.float32)
        places = xr_coords(grid.geobox) | coords
        parts.append(
            xr.DataArray(pixels, places, layout.dimensions, layout.name, layout.attributes)
        )
    if "" in rasters:
        return _indexed(parts[0])
    periods = xr.Variable(PERIOD, np.array(list(rasters), dtype=str))
    return _indexed(xr.concat(parts, periods.to_index_variable(), combine_attrs="override"))


@dataclass(frozen=True)
class _StoredPixels:
    """Pixels of one array (..., y, x) as Dask reads them: what is damaged is named.

    Attributes
    ----------
    store_url, raster
        Where they are.
    edge
        Of a tile in pixels.
    variable
        As xarray opened it.
    token
        By which Dask tells it from others.
    periods
        Labels of the first dimension, where that is of periods.
    """

    store_url: str
    raster: str
    edge: int
    variable: xr.Variable
    token: tuple[str, ...]
    periods: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.variable.shape

    @property
    def ndim(self) -> int:
        return self.variable.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.variable.dtype
        return dtype

    def __dask_tokenize__(self) -> object:
        return self.token

    def lazy(self, chunks: Mapping[str, int]) -> da.Array:
        """Wrap them in a Dask array of chunks by dimension."""
        sizes = tuple(chunks[str(dim)] for dim in self.variable.dims)
        meta = np.empty((0,) * self.ndim, self.dtype)
        return da.from_array(self, sizes, fancy=False, meta=meta)

    def __getitem__(self, key: tuple[slice | int, ...]) -> Float32Array:
        rows, columns = (
            np.atleast_1d(np.arange(size)[part])
            for size, part in zip(self.shape[-2:], key[-2:], strict=True)
        )
        if not (rows.size and columns.size):
            return self.variable[key].to_numpy()
        whole = Window(rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)

        def read(part: Window) -> Float32Array:
            return self.variable[key if part is whole else (*key[:-2], *part.slices)].to_numpy()

        return read_pixels(self.store_url, self.raster, self.edge, whole, read, self._period(key))

    def _period(self, key: tuple[slice | int, ...]) -> str:
        """Name the period of what is read, a chunk of one; empty where there is no such axis."""
        if self.variable.dims[0] != PERIOD:
            return ""
        places = np.atleast_1d(np.arange(self.shape[0])[key[0]])
        return self.periods[int(places[0])] if places.size else ""


def _block(
    raster: Raster, names: tuple[str, ...], block_info: dict[Any, Any] | None = None
) -> Float32Array:
    assert block_info is not None
    _, rows, columns = block_info[None]["array-location"]
    return raster.read(Window(*rows, *columns), names)


def _indexed(layers: xr.DataArray) -> xr.DataArray:
    """Have the layers found by season, feature and source, too."""
    for key in ("season", "feature", "source"):
        layers = layers.set_xindex(key)
    return layers


class _Point(Generic[T]):
    """The pixel under a point: `cube.point(110.5, 39.7)`."""

    def __init__(self, raster: T) -> None:
        self._raster: T = raster

    def __call__(self, longitude: float, latitude: float) -> T:
        """Give the pixel that holds a point.

        Parameters
        ----------
        longitude, latitude
            In degrees, WGS 84.

        Returns
        -------
        Without y and x, which become scalars: the centre of the pixel.

        Raises
        ------
        DataError
            The raster has no CRS or no even pixels, or the point is not on it.
        """
        raster = self._raster
        geobox = geobox_of(raster, "point")
        if geobox.crs is None:
            raise DataError("point: the array has no CRS; give it one by .rio.write_crs(...)")
        to_grid = pyproj.Transformer.from_crs(WGS84, geobox.crs.proj, always_xy=True)
        column, row = geobox.wld2pix(*to_grid.transform(longitude, latitude))
        if not (0 <= column < geobox.shape.x and 0 <= row < geobox.shape.y):
            west, south, east, north = geobox.boundingbox.bbox
            left, bottom, right, top = to_grid.transform_bounds(
                west, south, east, north, direction="INVERSE"
            )
            raise DataError(
                f"point: {longitude:g}, {latitude:g} is not on the array, which reaches from "
                f"{left:.4f}, {bottom:.4f} to {right:.4f}, {top:.4f} (longitude, latitude)"
            )
        down, across = raster.odc.spatial_dims
        here: T = raster.isel({across: int(column), down: int(row)})
        return here


for _register in (xr.register_dataset_accessor, xr.register_dataarray_accessor):
    _register("point")(_Point)  # type: ignore[no-untyped-call]
