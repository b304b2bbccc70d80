"""What is done to the samples of a step so that the network cannot learn them by heart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from minecover.models.settings import ModelSettings

__all__ = ["Mixture", "mixture", "symmetric"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


def symmetric(patches: FloatArray, turns: IntArray) -> FloatArray:
    """Show each patch in one of the eight symmetries of the square.

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
        turned = np.rot90(patches[chosen], turn % 4, axes=(2, 3))
        out[chosen] = turned[..., ::-1] if turn >= 4 else turned
    return out


Mixture = tuple[torch.Tensor, IntArray]
"""Share (sample,) of each sample itself, and with which other it is mixed."""


def mixture(count: int, settings: ModelSettings, seed: tuple[int, ...]) -> Mixture | None:
    """Draw how the samples of a step are mixed (Zhang et al. 2018, arXiv:1710.09412)."""
    if settings.mixup == 0:
        return None
    rng = np.random.default_rng(seed)
    shares = rng.beta(settings.mixup, settings.mixup, count).astype(np.float32)
    return torch.from_numpy(shares), rng.permutation(count)
