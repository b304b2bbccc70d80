"""A trained model over DataArrays, block by block as Dask computes them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import dask.array as da
import numpy as np
import xarray as xr
from dask.array.overlap import overlap

from minecover.api.rasters import ArrayRaster, as_layers
from minecover.arrays import Float32Array
from minecover.errors import DataError
from minecover.geography.grid import Window
from minecover.geography.polygon_files import listed
from minecover.prediction.map_layers import map_arrays
from minecover.prediction.region_model import RegionModel
from minecover.prediction.settings import PredictionSettings
from minecover.storage.raster import read_window

__all__ = ["border_layers", "predicted"]

UNCOMPARED = PredictionSettings(applicability=False)
"""Without how unlike the samples a pixel is, which a model alone does not know."""

LARGEST = 1024
"""Edge in pixels beyond which chunks are divided: memory goes with their area."""


def border_layers(settings: PredictionSettings, features: object) -> tuple[str, ...]:
    """Name the layers by which borders are read, in their order; none where they are not.

    Raises
    ------
    DataError
        There is no layer of one of the features that the settings name.
    """
    if not settings.borders:
        return ()
    names = [str(name) for name in as_layers(features)["layer"].values]

    def is_of(name: str, feature: str) -> bool:
        return name == feature or name.endswith(f"_{feature}")

    wanted = settings.border_features
    missing = [feature for feature in wanted if not any(is_of(name, feature) for name in names)]
    if missing:
        raise DataError(
            f"features: no layer of {listed(missing)}, by which borders are read; there are "
            f"{listed(names)}: give such layers too, or name others as border_features"
        )
    return tuple(name for name in names if any(is_of(name, feature) for feature in wanted))


def predicted(model: RegionModel, features: object, classes: dict[str, int]) -> xr.Dataset:
    """Predict a raster.

    Parameters
    ----------
    model
        Whose classifier, and refinement if it has any, is applied.
    features
        (layer, y, x), NumPy or Dask.
    classes
        Name and code of the model's, in its order.

    Returns
    -------
    `landuse` and `entropy` (y, x), `probability` (class, y, x), with the coordinates of `features`:
    lazy where the features are.
    """
    array = as_layers(features, model.names)
    lazy = isinstance(array.data, da.Array)
    chunks = _chunks(array, model)
    data = array.data if lazy else da.from_array(array.to_numpy(), chunks=chunks, name=False)
    layers = _layers(data.rechunk(chunks), model)
    dataset = _dataset(layers, array, classes)
    return dataset if lazy else dataset.compute()


def _layers(data: da.Array, model: RegionModel) -> da.Array:
    """Layers of the map, (2 + class, y, x)."""
    block = _Block(model, ArrayChunks.of(data))
    halo, layers = model.halo, 2 + len(model.classes)
    depth = {axis: halo if count > 1 else 0 for axis, count in enumerate(data.numblocks)}
    if any(depth.values()):
        data = overlap(data, depth=depth, boundary="none", allow_rechunk=False)
    # named at random: to find a name by its content, Dask would go through the whole model
    return data.map_blocks(
        block,
        name=f"predict-{uuid4().hex}",
        chunks=((layers,), block.chunks.rows, block.chunks.columns),
        dtype=np.float32,
        meta=np.empty((0, 0, 0), dtype=np.float32),
    )


@dataclass(frozen=True)
class ArrayChunks:
    """How an array is cut.

    Attributes
    ----------
    rows, columns
        Sizes of the chunks along y and x.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @classmethod
    def of(cls, data: da.Array) -> ArrayChunks:
        """Those of a Dask array, (layer, y, x)."""
        return cls(*data.chunks[1:])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the whole."""
        return sum(self.rows), sum(self.columns)

    def window(self, row: int, column: int) -> Window:
        """Pixels of a chunk."""
        y0, x0 = sum(self.rows[:row]), sum(self.columns[:column])
        return Window(y0, y0 + self.rows[row], x0, x0 + self.columns[column])


@dataclass(frozen=True, eq=False)
class _Block:
    """Predicts one chunk, to which Dask has added what lies around it on the grid."""

    model: RegionModel
    chunks: ArrayChunks

    def __call__(self, held: Float32Array, block_id: tuple[int, int, int]) -> Float32Array:
        window = self.chunks.window(*block_id[1:])
        wanted = window.pad(self.model.halo)
        given = wanted.clip(*self.chunks.shape)

        def part(inside: Window) -> Float32Array:
            rows, columns = inside.within(given).slices
            return held[:, rows, columns].astype(np.float32, copy=False)

        # beyond the grid it is mirrored, as the stage that predicts tiles has it
        shape = self.chunks.shape
        features = read_window(shape, len(held), wanted, part, mirror=True)
        return self.model.layers(features)  # Dask's threads compute chunks side by side


def _chunks(array: xr.DataArray, model: RegionModel) -> tuple[tuple[int, ...], ...]:
    """Chunks that end where the blocks of the classifier do, nearly as large as the array's own.

    However the array is cut, the same pixels are then judged together: where sums are rounded
    depends on how many there are. All are alike but for the last, as Zarr wants them.
    """
    edge = ArrayRaster(array).block_edge(len(array))
    given = ((), (edge,), (edge,)) if array.chunks is None else array.chunks
    step, halo = model.classifier.block_edge, model.halo
    sizes = (
        _even(size, _chunk_edge(size, max(own), step, halo))
        for size, own in zip(array.shape[1:], given[1:], strict=True)
    )
    return ((array.sizes["layer"],), *sizes)


def _chunk_edge(size: int, given: int, step: int, halo: int) -> int:
    """Edge of chunks, a multiple of `step`, of which the last is no smaller than a halo."""
    parts = -(-given // max(LARGEST, step))
    edge = max(round(given / parts / step), 1) * step
    while edge < size and 0 < size % edge < halo:
        edge += step
    return edge


def _even(size: int, edge: int) -> tuple[int, ...]:
    return tuple(min(edge, size - start) for start in range(0, size, edge))


def _dataset(layers: da.Array, array: xr.DataArray, classes: dict[str, int]) -> xr.Dataset:
    template = array.isel(layer=0, drop=True)
    arrays = map_arrays(UNCOMPARED, classes)
    first, variables = 0, {}
    for layout in arrays:
        count = len(layout.layers)
        own = layers[first : first + count] if layout.axes else layers[first]
        variables[layout.name] = (layout.dimensions, own, dict(layout.attributes))
        first += count
    dataset = xr.Dataset(variables, coords={**template.coords, "class": list(classes)})
    mapping = array.encoding.get("grid_mapping", array.attrs.get("grid_mapping"))
    if mapping is not None:
        for variable in dataset.values():
            variable.encoding["grid_mapping"] = mapping
    return dataset
