"""Reading a raster with a trained model, block by block, in bounded memory.

How libraries round depends on the shape of what they multiply and on their threads. So blocks are
of one size, whatever memory is free, and each is read by one thread: more threads read more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from minecover.arrays import Float32Array
from minecover.engines.machine import free_memory
from minecover.engines.threads import side_by_side
from minecover.geography.grid import Window
from minecover.models.classifier import Classifier

__all__ = ["available_memory", "blocks_at_once", "predict_blocks"]

MEMORY_SHARE = 0.25
"""Share of the memory available to a worker that the prediction of its blocks may take."""


def predict_blocks(
    classifier: Classifier, features: Float32Array, memory: int, threads: int = 1
) -> Float32Array:
    """Predict a raster block by block.

    Parameters
    ----------
    classifier
        Read at every pixel.
    features
        (layer, y + 2 halo, x + 2 halo), NaN where nodata.
    memory, threads
        Bytes that the prediction of blocks may take, and threads for it; the result depends on
        neither. One block is read at least, whatever it takes.

    Returns
    -------
    (class, y, x) probabilities.
    """
    halo = classifier.halo
    whole = Window(0, features.shape[1] - 2 * halo, 0, features.shape[2] - 2 * halo)
    out = np.empty((len(classifier.classes), *whole.shape), dtype=np.float32)

    def read(block: Window) -> None:
        rows, columns = block.slices
        seen = features[:, block.y0 : block.y1 + 2 * halo, block.x0 : block.x1 + 2 * halo]
        out[:, rows, columns] = classifier.predict(seen)

    blocks = _blocks(whole, classifier.block_edge)
    side_by_side(read, blocks, min(threads, blocks_at_once(classifier, memory)))
    return out


def blocks_at_once(classifier: Classifier, memory: int) -> int:
    """How many blocks may be read at once in `memory` bytes; at least 1."""
    pixels = (classifier.block_edge + 2 * classifier.halo) ** 2
    return max(1, memory // (pixels * classifier.pixel_bytes))


def _blocks(whole: Window, edge: int) -> Iterator[Window]:
    for y in range(0, whole.y1, edge):
        for x in range(0, whole.x1, edge):
            yield Window(y, y + edge, x, x + edge).clip(whole.y1, whole.x1)


def available_memory(classifiers: Iterable[Classifier], workers: int) -> int:
    """Bytes that one of `workers` on this machine, or in this container, may use for blocks."""
    devices = (classifier.device_memory for classifier in classifiers)
    free = min([free_memory(), *(size for size in devices if size is not None)])
    return int(MEMORY_SHARE * free / workers)
