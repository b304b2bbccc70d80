"""The kernels of the Python face over Dask against the same kernels called tile by tile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import dask
import numpy as np
import xarray as xr

import minecover as mc
from benchmarks.bench_texture import scene
from benchmarks.row import Aim, Row, in_turns, show
from minecover.arrays import Float32Array
from minecover.features.fused_indices import FusedIndices
from minecover.features.kernel import Kernel
from minecover.features.texture import Texture

SIDE = 4096
TILE = 1024
LEAST = 0.9
"""Rate of texture over Dask, as a share of the kernel's own on tiles."""


def tile_by_tile(kernel: Kernel, layers: Float32Array, out: Float32Array, threads: int) -> None:
    """Compute and store tiles as a run does; `layers` has its halo."""
    margin = TILE + 2 * kernel.halo

    def tile(corner: tuple[int, int]) -> None:
        y, x = corner
        out[:, y : y + TILE, x : x + TILE] = kernel(layers[:, y : y + margin, x : x + margin])

    corners = list(product(range(0, out.shape[1], TILE), range(0, out.shape[2], TILE)))
    if threads == 1:
        for corner in corners:
            tile(corner)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(tile, corners))


def over_dask(features: xr.DataArray, out: Float32Array, threads: int) -> None:
    """Compute and store the blocks of a lazy array."""
    scheduler = "synchronous" if threads == 1 else "threads"
    with dask.config.set(scheduler=scheduler, num_workers=threads):
        features.data.store(out, lock=False)


def compare(
    what: str,
    lazy: Callable[[], xr.DataArray],
    kernel: Kernel,
    layers: Float32Array,
    least: float | None,
) -> list[Row]:
    """Time both on one and on two threads; the lazy side builds its graph each time."""
    side = layers.shape[1] - 2 * kernel.halo
    size, pixels = f"{side} x {side} by {TILE}", side**2 / 1e6
    out = np.zeros((len(kernel.outputs), side, side), np.float32)
    rows = []
    for threads in (1, 2):
        ours, theirs = in_turns(
            [
                lambda threads=threads: over_dask(lazy(), out, threads),
                lambda threads=threads: tile_by_tile(kernel, layers, out, threads),
            ]
        )
        on = "1 thread" if threads == 1 else f"{threads} threads"
        ratio = theirs / ours
        aim = None if least is None else Aim.at_least(least, ratio, "x")
        rows += [
            Row(what, size, f"minecover on Dask, {on}", ours, pixels / ours),
            Row(what, size, f"kernel on tiles, {on}", theirs, pixels / theirs, ratio, aim),
        ]
    return rows


def texture_rows() -> list[Row]:
    """Texture with its halo."""
    band = scene(SIDE)
    lazy = xr.DataArray(band, dims=("y", "x")).chunk(y=TILE, x=TILE)
    kernel = Texture(0.0, 1.0)
    layers = np.pad(band, kernel.halo, constant_values=np.nan)[np.newaxis]
    return compare(
        "GLCM, window 5", lambda: mc.texture(lazy, value_range=(0.0, 1.0)), kernel, layers, LEAST
    )


def index_rows() -> list[Row]:
    """All indices and the tasselled cap, which read ten layers and write ten."""
    rng = np.random.default_rng(0)
    layers = rng.uniform(0.0, 0.6, (10, 2 * TILE, 2 * TILE)).astype(np.float32)
    kernel = FusedIndices()
    coords = {"band": list(kernel.inputs)}
    lazy = xr.DataArray(layers, coords, ("band", "y", "x")).chunk(y=TILE, x=TILE)
    return compare(
        "7 indices + tasselled cap", lambda: mc.indices(lazy, kernel.outputs), kernel, layers, None
    )


def run() -> list[Row]:
    """Measure both kernels."""
    return texture_rows() + index_rows()


if __name__ == "__main__":
    show(run())
