"""Samples as the training loop reads them, and the processes that share them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from minecover.arrays import Float32Array, Int64Array

__all__ = ["Rows", "Team"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Samples as the loop reads them.

    Attributes
    ----------
    patches
        (sample, layer, window, window), standardised.
    labels
        (sample,), positions in the list of classes.
    weights
        (sample,), weights of the loss.
    training, validation
        Numbers of the training and of the validation samples; the latter may be none.
    """

    patches: Float32Array
    labels: Int64Array
    weights: Float32Array
    training: Int64Array
    validation: Int64Array

    def save(self, folder: Path) -> None:
        """Write one file an array, to be mapped by every worker."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in vars(self).items():
            np.save(folder / f"{name}.npy", values)

    @classmethod
    def open(cls, folder: Path) -> Rows:
        """Read what `save` wrote; the patches stay on disk."""
        small = ("labels", "weights", "training", "validation")
        return cls(
            np.load(folder / "patches.npy", mmap_mode="r"),
            **{name: np.load(folder / f"{name}.npy") for name in small},
        )


@dataclass(frozen=True)
class Team:
    """One process among those that train together."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values
