"""Multiplications of networks: the unit in which training and reading are planned."""

from __future__ import annotations

from minecover.models.network.architecture import EXPANSION, STAGES, Architecture, kernel_sizes
from minecover.models.settings import ModelSettings

__all__ = [
    "BLOCK_EDGE",
    "network_mib",
    "of_reading",
    "of_training",
    "products",
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


def products(model: ModelSettings, layers: int, classes: int, edge: int) -> tuple[float, float]:
    """Multiplications of a network over one patch, and its weights.

    Parameters
    ----------
    model
        Window and width.
    layers, classes
        That go in and come out.
    edge
        Of the patch in pixels; at least the window, of which one pixel is left.
    """
    shape = Architecture(layers, classes, kernel_sizes(model.window), model.width)
    kernels, channels = iter(shape.kernels), shape.channels(STAGES[0][1])
    kernel = next(kernels)
    edge -= kernel - 1
    weights = float(layers * channels * kernel**2)
    multiplied = edge**2 * weights
    for count, full in STAGES:
        inner = shape.channels(full)
        for _ in range(count):
            before, kernel = edge**2, next(kernels)
            edge -= kernel - 1
            shortcut = channels * EXPANSION * inner * (channels != EXPANSION * inner)
            after = inner * inner * (kernel**2 + EXPANSION) + shortcut
            multiplied += before * channels * inner + edge**2 * after
            weights += channels * inner + after
            channels = EXPANSION * inner
    return multiplied + edge**2 * channels * classes, weights + channels * classes


def of_training(model: ModelSettings, multiplied: float, weights: float) -> float:
    """Add to the products of a patch its share of a step."""
    return multiplied + (WEIGHT_STEP * weights + STEP) / model.batch


def of_reading(model: ModelSettings, multiplied: float, once: float) -> float:
    """Products of reading a pixel: `once` over a block, those of its patch patch by patch."""
    return PIXEL + (once if model.reading == "dense" else multiplied)


def training_products(model: ModelSettings, layers: int, classes: int) -> float:
    """Products that take as long as training on one patch, its share of a step included."""
    return of_training(model, *products(model, layers, classes, model.window))


def reading_products(model: ModelSettings, layers: int, classes: int) -> float:
    """Products that take as long as reading one pixel.

    Over a block every convolution is computed once a pixel; patch by patch the whole window is.
    """
    return of_reading(model, *products(model, layers, classes, model.window))


def network_mib(model: ModelSettings, layers: int, classes: int) -> float:
    """MiB of the weights of all members, and of the activations of a block that is read.

    At its widest a block has the input of a stage's last block, its output and what lies between.
    """
    shape = Architecture(layers, classes, kernel_sizes(model.window), model.width)
    _, weights = products(model, layers, classes, model.window)
    widest = 3 * EXPANSION * shape.channels(STAGES[-1][1]) + 2 * layers
    edge = BLOCK_EDGE["cpu"] + 2 * shape.halo
    return 4 * (model.members * weights + edge**2 * widest) / 2**20
