"""Two ways of reading a network at every pixel of a block, behind one interface.

The paper (Liu et al. 2025, 10.6046/zrzyyg.2024080) cuts a patch around every pixel and reads one
after the other. A network without stride and padding gives the same numbers when it is run over
the block as a whole, at a small part of the work, since neighbours share what they have computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from minecover.arrays import BoolArray, Float32Array
from minecover.models.settings import Reading

__all__ = ["READERS", "Reader"]

Network = Callable[[Float32Array], Float32Array]
"""From (n, layer, y + 2 halo, x + 2 halo) to probabilities (n, class, y, x)."""

PATCH_PIXELS = 2**15
"""Pixels of the patches that go through the network at once: bounds memory, whatever the window."""


class Reader(Protocol):
    """A way of reading."""

    def __call__(self, network: Network, blocks: Float32Array, valid: BoolArray) -> Float32Array:
        """Read blocks.

        Parameters
        ----------
        network
            Gives probabilities.
        blocks
            (n, layer, y + 2 halo, x + 2 halo).
        valid
            (n, y, x) pixels that are wanted, at least one; the others may hold anything.

        Returns
        -------
        (n, class, y, x) float32.
        """


def _dense(network: Network, blocks: Float32Array, valid: BoolArray) -> Float32Array:
    del valid  # leaving pixels out would save nothing
    return network(blocks)


def _patchwise(network: Network, blocks: Float32Array, valid: BoolArray) -> Float32Array:
    window = blocks.shape[-1] - valid.shape[-1] + 1
    views = np.lib.stride_tricks.sliding_window_view(blocks, (window, window), axis=(2, 3))
    number, rows, columns = np.nonzero(valid)
    step = max(1, PATCH_PIXELS // window**2)
    parts = []
    for start in range(0, len(number), step):
        part = slice(start, start + step)
        parts.append(network(views[number[part], :, rows[part], columns[part]])[:, :, 0, 0])
    read = np.concatenate(parts)
    out = np.full((len(valid), read.shape[1], *valid.shape[1:]), np.nan, dtype=np.float32)
    out[number, :, rows, columns] = read
    return out


READERS: dict[Reading, Reader] = {"dense": _dense, "patch": _patchwise}
"""By the survey's `model.reading`."""
