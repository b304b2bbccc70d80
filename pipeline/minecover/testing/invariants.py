"""Checks of what must hold for every kernel, whatever it computes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from minecover.arrays import Float32Array
from minecover.features.kernel import Kernel

__all__ = ["assert_cut_invariant", "assert_same_bits"]


def assert_same_bits(actual: npt.NDArray[np.generic], expected: npt.NDArray[np.generic]) -> None:
    """Assert that two arrays have the same dtype, shape and values, bit for bit, NaN being NaN.

    Raises
    ------
    AssertionError
        Naming the first place where they differ.
    """
    assert actual.dtype == expected.dtype, f"dtype {actual.dtype} is not {expected.dtype}"
    assert actual.shape == expected.shape, f"shape {actual.shape} is not {expected.shape}"
    same = actual == expected
    if np.issubdtype(actual.dtype, np.inexact):
        same &= np.signbit(actual) == np.signbit(expected)
        same |= np.isnan(actual) & np.isnan(expected)
    if not same.all():
        place = tuple(int(i) for i in np.argwhere(~same)[0])
        raise AssertionError(
            f"{np.count_nonzero(~same)} values differ, the first at {place}: "
            f"{actual[place]!r} is not {expected[place]!r}"
        )


def assert_cut_invariant(
    kernel: Kernel, layers: Float32Array, row_cuts: Sequence[int], column_cuts: Sequence[int]
) -> Float32Array:
    """Assert that `kernel` gives the same bits for the whole array and for its pieces.

    Parameters
    ----------
    kernel
        Any `Kernel`.
    layers
        Input of the kernel, ``(layers, ny + 2 halo, nx + 2 halo)``.
    row_cuts, column_cuts
        Where the output is cut, as positions in ``1..ny - 1`` and ``1..nx - 1``; duplicates and
        any order are allowed.

    Returns
    -------
    ndarray
        The output for the whole array, for further checks.

    Raises
    ------
    AssertionError
        If a piece differs from the same part of the whole.
    """
    whole = kernel(layers)
    margin = 2 * kernel.halo
    rows = sorted({0, whole.shape[1], *row_cuts})
    columns = sorted({0, whole.shape[2], *column_cuts})
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            piece = kernel(layers[:, top : bottom + margin, left : right + margin])
            assert_same_bits(piece, whole[:, top:bottom, left:right])
    return whole
