"""Gaps in the cube, filled before features are computed from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minecover.arrays import BoolArray, Float32Array
from minecover.geography.grid import Window

__all__ = ["continued", "fill_from_others", "fill_gaps"]


def fill_gaps(layers: Float32Array, reach: int) -> Float32Array:
    """Fill gaps from their edges inwards, each pixel by the mean of its observed neighbours.

    Parameters
    ----------
    layers
        (layer, y + 2 reach, x + 2 reach), NaN where there is a gap.
    reach
        How many pixels inwards; also the halo, so that the result does not depend on the cut.

    Returns
    -------
    (layer, y, x).
    """
    for _ in range(reach):
        gaps = np.isnan(layers)
        centre = layers[:, 1:-1, 1:-1]
        if gaps.any():
            centre = np.where(gaps[:, 1:-1, 1:-1], _neighbour_mean(layers, gaps), centre)
        layers = centre
    return layers


def _neighbour_mean(layers: Float32Array, gaps: BoolArray) -> Float32Array:
    """Mean of the observed among the eight neighbours, one pixel smaller on every side."""
    height, width = layers.shape[1] - 2, layers.shape[2] - 2
    total = np.zeros((layers.shape[0], height, width), dtype=np.float32)
    count = np.zeros_like(total)
    for dy, dx in np.ndindex(3, 3):
        part = np.s_[:, dy : dy + height, dx : dx + width]
        total += np.where(gaps[part], np.float32(0), layers[part])
        count += ~gaps[part]
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def fill_from_others(layers: Sequence[Float32Array]) -> tuple[Float32Array, BoolArray]:
    """Fill the gaps of each layer with the mean of the others, such as the other seasons.

    Returns
    -------
    (layer, y, x), and where it was filled.
    """
    stack = np.stack(layers)
    seen = np.isfinite(stack)
    count = seen.sum(axis=0)
    total = np.where(seen, stack, 0).sum(axis=0)
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    gaps = ~seen & np.isfinite(mean)
    return np.where(gaps, mean, stack), gaps


def continued(layer: Float32Array, window: Window, shape: tuple[int, int]) -> Float32Array:
    """Repeat the grid's outermost pixels outwards, so that slope has a value up to its edge.

    Only pixels outside the grid change; a gap inside it stays a gap, whichever tile it is in.
    """
    rows = np.clip(np.arange(window.y0, window.y1), 0, shape[0] - 1) - window.y0
    columns = np.clip(np.arange(window.x0, window.x1), 0, shape[1] - 1) - window.x0
    return layer[np.ix_(rows, columns)]
