"""Augmentation: the samples of a step turned, mirrored and mixed."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from minecover.arrays import Float32Array, Int64Array
from minecover.models.settings import ModelSettings

__all__ = ["Mixture", "mixture", "symmetric", "turned"]

Number = TypeVar("Number", bound=np.generic)


def turned(values: npt.NDArray[Number], turn: int) -> npt.NDArray[Number]:
    """Turn the last two axes by quarters, and mirror them from 4 on: the square's symmetries."""
    out = np.rot90(values, turn % 4, axes=(-2, -1))
    return np.ascontiguousarray(out[..., ::-1] if turn >= 4 else out)


def symmetric(patches: Float32Array, turns: Int64Array) -> Float32Array:
    """Turn and mirror each patch to one of the eight symmetries of the square.

    Parameters
    ----------
    patches
        (sample, layer, y, x).
    turns
        (sample,) 0 to 7: quarter turns, and mirrored from 4 on.
    """
    out = np.empty(patches.shape, dtype=np.float32)
    for turn in range(8):
        chosen = turns == turn
        out[chosen] = turned(patches[chosen], turn)
    return out


Mixture = tuple[torch.Tensor, Int64Array]
"""Share (sample,) of each sample itself, and with which other it is mixed."""


def mixture(count: int, settings: ModelSettings, seed: tuple[int, ...]) -> Mixture | None:
    """Draw how the samples of a step are mixed (Zhang et al. 2018, arXiv:1710.09412)."""
    if settings.mixup == 0:
        return None
    rng = np.random.default_rng(seed)
    shares = rng.beta(settings.mixup, settings.mixup, count).astype(np.float32)
    return torch.from_numpy(shares), rng.permutation(count)
