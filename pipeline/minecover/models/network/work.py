"""Multiplications of networks: the unit in which training and reading are planned."""

from __future__ import annotations

from minecover.models.network.architecture import Shape
from minecover.models.settings import ModelSettings

__all__ = [
    "BLOCK_EDGE",
    "CROPS",
    "SEEN",
    "network_mib",
    "pretraining_products",
    "reading_products",
    "training_products",
]

BLOCK_EDGE = {"cpu": 64, "cuda": 256}
"""Edge in pixels of a block: on a CPU the activations of larger ones leave the cache."""

WEIGHT_STEP = 41
"""Products that take as long as updating one weight in a step: optimiser and moving average."""

STEP = 3.7e8
"""Products that take as long as whatever else a step does."""

PIXEL = 1.1e6
"""Products that take as long as standardising and moving the layers of a pixel."""

# All three from two threads of an AMD EPYC 9004: epochs over 768 patches in steps of 64 took 0.77,
# 1.95, 1.74 and 5.17 ms a patch at (window, width) (9, 0.5), (9, 1), (17, 0.5) and (17, 1), which
# they meet within 10 %; on one thread a pixel was read in 108, 352, 115 and 365 µs (within 5 %).

CROPS = 8
"""Crops of a step of learning without labels, over all workers."""

SEEN = 18
"""Edge in pixels of what is told of a crop, which is larger by the halo of the network."""

DRAWN = 1e8
"""Products that take as long as reading a step's share of the blocks that crops are cut from."""


def training_products(model: ModelSettings, shape: Shape) -> float:
    """Products that take as long as training on one patch, its share of a step included."""
    multiplied, _ = shape.products(model.window)
    return multiplied + (WEIGHT_STEP * shape.weights + STEP) / model.batch


def pretraining_products(shape: Shape) -> float:
    """Products that take as long as a step of learning without labels, with what it reads."""
    multiplied, _ = shape.products(SEEN + 2 * shape.halo)
    return CROPS * multiplied + WEIGHT_STEP * shape.weights + STEP + DRAWN


def reading_products(model: ModelSettings, shape: Shape) -> float:
    """Products that take as long as reading one pixel.

    Over a block every convolution is computed once a pixel; patch by patch the whole window is.
    """
    patch, once = shape.products(model.window)
    return PIXEL + (once if model.reading == "dense" else patch)


def network_mib(model: ModelSettings, shape: Shape, layers: int) -> float:
    """MiB of the weights of all members, and of the activations of a block of layers that is read.

    At its widest a block has what lies there between two convolutions.
    """
    pixels = (BLOCK_EDGE["cpu"] + 2 * shape.halo) ** 2
    return 4 * (model.members * shape.weights + pixels * (shape.widest + 2 * layers)) / 2**20
