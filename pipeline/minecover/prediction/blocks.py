"""Reading a raster with a trained model, block by block, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from minecover.arrays import Float32Array
from minecover.engines.machine import free_memory
from minecover.geography.grid import Window
from minecover.models.classifier import Classifier

__all__ = ["available_memory", "block_edge", "predict_blocks"]

MEMORY_SHARE = 0.25
"""Share of the memory available to a worker that a block's prediction may take."""


def predict_blocks(classifier: Classifier, features: Float32Array, memory: int) -> Float32Array:
    """Predict a raster block by block.

    Parameters
    ----------
    classifier
        Read at every pixel.
    features
        (layer, y + 2 halo, x + 2 halo), NaN where nodata.
    memory
        Bytes that a block's prediction may take; the result does not depend on it.

    Returns
    -------
    (class, y, x) probabilities.
    """
    halo = classifier.halo
    whole = Window(0, features.shape[1] - 2 * halo, 0, features.shape[2] - 2 * halo)
    out = np.empty((len(classifier.classes), *whole.shape), dtype=np.float32)
    for block in _blocks(whole, block_edge(classifier, memory)):
        rows, columns = block.slices
        read = features[:, block.y0 : block.y1 + 2 * halo, block.x0 : block.x1 + 2 * halo]
        out[:, rows, columns] = classifier.predict(read)
    return out


def block_edge(classifier: Classifier, memory: int) -> int:
    """Edge in pixels of a block whose prediction takes at most `memory` bytes; at least 1."""
    read = int((memory / classifier.pixel_bytes) ** 0.5)
    return int(np.clip(read - 2 * classifier.halo, 1, classifier.largest_block))


def _blocks(whole: Window, edge: int) -> Iterator[Window]:
    for y in range(0, whole.y1, edge):
        for x in range(0, whole.x1, edge):
            yield Window(y, y + edge, x, x + edge).clip(whole.y1, whole.x1)


def available_memory(classifiers: Iterable[Classifier], workers: int) -> int:
    """Bytes that one of `workers` on this machine, or in this container, may use for a block."""
    devices = (classifier.device_memory for classifier in classifiers)
    free = min([free_memory(), *(size for size in devices if size is not None)])
    return int(MEMORY_SHARE * free / workers)
