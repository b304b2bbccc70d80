"""Rasters that are stored but cannot be read: what of them is damaged, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from minecover.arrays import Float32Array
from minecover.errors import DataError, StoreError
from minecover.faults import Fault, classify
from minecover.geography.grid import Tile, Window
from minecover.storage.bucket import store_errors, with_retries
from minecover.storage.names import CUBE_RASTER, FEATURES_RASTER, MAP_RASTER, READINGS_RASTER

__all__ = ["STAGES", "described_arrays", "read_pixels"]

STAGES = {
    CUBE_RASTER: "cube",
    FEATURES_RASTER: "features",
    READINGS_RASTER: "predict",
    MAP_RASTER: "predict",
}
"""Which stage writes a raster."""


_UNFIT = (AttributeError, DataError, KeyError, RecursionError, TypeError, ValueError)


@contextmanager
def described_arrays(store_url: str, name: str) -> Iterator[None]:
    """Open a raster in the block: what its metadata describes cannot be opened, and that is said.

    Zarr and xarray take metadata as it is, and fail in whatever way where it is something else.

    Raises
    ------
    StoreError
        They cannot make arrays of it; or see `store_errors`.
    """
    where = f"{store_url}/{name}"
    try:
        with store_errors(where):
            yield
    except _UNFIT as error:
        raise StoreError(
            f"{where}: damaged, its zarr.json describes no arrays ({error}); "
            f"have it made again: `minecover {STAGES.get(name, 'STAGE')} --again`"
        ) from error


def read_pixels(
    store_url: str,
    name: str,
    edge: int,
    window: Window,
    read: Callable[[Window], Float32Array],
    period: str = "",
) -> Float32Array:
    """Read a window of a raster: again where it failed for a passing reason, in clear words.

    Parameters
    ----------
    store_url, name
        Of the store and of the raster in it.
    edge
        Of a tile in pixels.
    window
        Of the grid, not empty.
    read
        Reads any window.
    period
        That is read, of a raster of several.

    Raises
    ------
    StoreError
        What is stored is damaged; or see `store_errors`.
    """
    where = f"{store_url}/{name}"
    try:
        return with_retries(where, lambda: read(window))
    except (ValueError, RuntimeError) as error:
        if not _is_damage(error):
            raise
        reason = f"{error}".partition(". ")[0]
        tile = replace(_damaged_tile(window, edge, read), period=period)
        stage = f" --stage {STAGES[name]}" if name in STAGES else ""
        raise StoreError(
            f"{where}: tile {tile.name} is damaged ({reason}); have it done again: "
            f"`minecover retry --tile {tile.name}{stage}`, then run"
        ) from error


def _is_damage(error: Exception) -> bool:
    """Tell a decoder that gives up from a process that is being stopped, or has no memory."""
    if isinstance(error, RuntimeError) and "decompress" not in str(error).lower():
        return False
    return classify(error) is Fault.OTHER


def _damaged_tile(window: Window, edge: int, read: Callable[[Window], Float32Array]) -> Tile:
    """Find the first tile that cannot be read; one that can by now leaves the window's first."""
    for tile, part in _parts(window, edge):
        try:
            read(part)
        except (ValueError, RuntimeError):
            return tile
    return next(_parts(window, edge))[0]


def _parts(window: Window, edge: int) -> Iterator[tuple[Tile, Window]]:
    for row in range(window.y0 // edge, -(-window.y1 // edge)):
        for column in range(window.x0 // edge, -(-window.x1 // edge)):
            y, x = row * edge, column * edge
            part = Window(
                max(window.y0, y), min(window.y1, y + edge),
                max(window.x0, x), min(window.x1, x + edge),
            )  # fmt: skip
            yield Tile(row, column), part
