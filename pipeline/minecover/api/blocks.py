"""Kernels mapped over arrays: at once over NumPy's, lazily and block by block over Dask's.

A kernel here takes the inner dims and a window with its halo, and gives outer dims and the window.
It is called once for each place of the dims before. Beyond the edge of an array there is nodata,
or its outermost pixels again, as beyond the edge of a run's grid: so the values are a run's, bit
for bit, and the same for any chunks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from minecover.arrays import Float32Array

__all__ = ["AnyArray", "BlockKernel"]

AnyArray: TypeAlias = Any
"""An array of NumPy or of Dask."""


@dataclass(frozen=True)
class BlockKernel:
    """How a function of windows is mapped over an array.

    Attributes
    ----------
    name
        Of its tasks, as dashboards show them.
    compute
        Takes (*inner, y + 2 halo, x + 2 halo) and gives (*outer, y, x), both float32.
    inner
        Number of dims that `compute` needs whole, beside rows and columns.
    outer
        Sizes of the dims that it gives before rows and columns.
    halo
        Pixels that it needs around.
    edge
        What lies beyond the edge of the array: nodata, or its outermost pixels repeated.
    """

    name: str
    compute: Callable[[Float32Array], Float32Array]
    inner: int = 0
    outer: tuple[int, ...] = ()
    halo: int = 0
    edge: Literal["nodata", "repeated"] = "nodata"

    def map(self, data: AnyArray) -> AnyArray:
        """Compute all of an array: (…, *inner, y, x) in, (…, *outer, y, x) out.

        Of a Dask array nothing is computed yet. Inner dims become one chunk; chunks narrower than
        the halo are joined with their neighbours.
        """
        if isinstance(data, np.ndarray):
            return _Block(self, self.halo)(data)
        return _lazily(self, data)


@dataclass(frozen=True)
class _Block:
    """Computes a block, to which `margin` pixels beyond its edge are added first."""

    kernel: BlockKernel
    margin: int

    def __call__(self, block: AnyArray) -> Float32Array:
        while isinstance(block, list):  # of Dask: one for each inner dim, of one chunk
            (block,) = block
        before = block.shape[: block.ndim - self.kernel.inner - 2]
        if math.prod(before) == 1:  # results are large: no copy of them without need
            values = self._window(block[(0,) * len(before)])
            return values.reshape(*before, *values.shape)
        less = 2 * (self.kernel.halo - self.margin)
        rows, columns = (size - less for size in block.shape[-2:])
        out = np.empty((*before, *self.kernel.outer, rows, columns), np.float32)
        for place in np.ndindex(before):
            out[place] = self._window(block[place])
        return out

    def _window(self, window: Float32Array) -> Float32Array:
        if self.margin:
            around = [(0, 0)] * self.kernel.inner + [(self.margin, self.margin)] * 2
            if self.kernel.edge == "repeated":
                window = np.pad(window, around, "edge")
            else:
                window = np.pad(window, around, constant_values=np.nan)
        return self.kernel.compute(window)


def _lazily(kernel: BlockKernel, data: AnyArray) -> AnyArray:
    import dask.array as da  # takes long to import

    before = data.ndim - kernel.inner - 2
    halo, rows, columns = kernel.halo, data.ndim - 2, data.ndim - 1
    data = data.rechunk(dict.fromkeys(range(before, rows), -1))
    if halo and min(data.shape[-2:]) < halo:
        data = data.rechunk({rows: -1, columns: -1})
    alone = data.numblocks[-2:] == (1, 1)
    if halo and not alone:
        beyond = "nearest" if kernel.edge == "repeated" else np.nan
        axes = (rows, columns)
        data = da.overlap.overlap(
            data, dict.fromkeys(axes, halo), dict.fromkeys(axes, beyond)
        )  # each chunk with its halo now
    outer = range(data.ndim, data.ndim + len(kernel.outer))
    labels = (*range(before), *outer, rows, columns)
    trimmed = 0 if alone else 2 * halo
    return da.blockwise(
        _Block(kernel, halo if alone else 0),
        labels,
        data,
        tuple(range(data.ndim)),
        new_axes=dict(zip(outer, kernel.outer, strict=True)),
        adjust_chunks=dict.fromkeys((rows, columns), lambda size: size - trimmed),
        dtype=np.float32,
        meta=np.empty((0,) * len(labels), np.float32),
        token=kernel.name,
    )
