"""What every feature kernel is: a pure function of arrays that declares its halo.

A kernel knows neither Dask nor Ray nor Zarr. Drivers cut the grid into tiles, read each tile with
`halo` pixels around it and call the kernel; the values of a pixel depend on its own
neighbourhood alone, so the result is the same bit for bit however the grid is cut
(`minecover.testing.assert_cut_invariant` checks it).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from minecover.arrays import Float32Array
from minecover.errors import DataError, SurveyError

__all__ = ["Kernel", "check_choice", "check_layers"]


@runtime_checkable
class Kernel(Protocol):
    """A feature kernel: layers in, features out.

    Implementations are frozen dataclasses, so that a kernel is its own configuration and can be
    hashed into the fingerprint of its results.
    """

    @property
    def name(self) -> str:
        """Short name of the kernel, for example ``"texture"``."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input layers, in the order the kernel takes them."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output features, in order."""

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each output feature."""

    @property
    def halo(self) -> int:
        """Pixels needed on every side of the output."""

    def __call__(self, layers: Float32Array) -> Float32Array:
        """Compute the features of a tile.

        Parameters
        ----------
        layers
            ``(len(inputs), ny + 2 halo, nx + 2 halo)`` float32, NaN for nodata. It may be
            read-only and of any strides; it is never written to.

        Returns
        -------
        ndarray
            ``(len(outputs), ny, nx)`` float32, NaN for nodata.

        Raises
        ------
        DataError
            For another dtype, number of dimensions or layers, or too small an array.
        """


def check_layers(kernel: Kernel, layers: Float32Array) -> tuple[int, int]:
    """Return ``(ny, nx)`` of the output, or say what is wrong with the input of `kernel`.

    Raises
    ------
    DataError
        If `layers` is not a float32 array of ``(len(kernel.inputs), > 2 halo, > 2 halo)``.
    """
    wanted = f"({len(kernel.inputs)} layers, y, x) float32 with a halo of {kernel.halo} px"
    if not isinstance(layers, np.ndarray):
        raise DataError(f"{kernel.name}: input is a {type(layers).__name__}; give {wanted}")
    if layers.dtype != np.float32:
        raise DataError(
            f"{kernel.name}: input is {layers.dtype}; give {wanted}, NaN where there is no data"
        )
    if layers.ndim != 3 or layers.shape[0] != len(kernel.inputs):
        raise DataError(
            f"{kernel.name}: input has shape {layers.shape}; give {wanted}: "
            + ", ".join(kernel.inputs)
        )
    ny, nx = (size - 2 * kernel.halo for size in layers.shape[1:])
    if ny < 1 or nx < 1:
        raise DataError(
            f"{kernel.name}: input has shape {layers.shape}, which leaves nothing inside a halo "
            f"of {kernel.halo} px; give at least {2 * kernel.halo + 1} x {2 * kernel.halo + 1} px"
        )
    return ny, nx


def check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise `SurveyError` unless `value` is one of `choices`."""
    if value not in choices:
        raise SurveyError(f"{what} is {value!r}; choose one of {', '.join(choices)}")
