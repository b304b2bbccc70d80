"""Pixels that nobody labelled as further samples of a model: those that it is surest of.

Self-training (Scudder 1965, 10.1109/TIT.1965.1053799): of each class as many as a share of its
labelled samples. Samples of a class weigh together what the labelled ones of it weighed alone, so
that no class grows by being easy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.models.data import TrainingData

__all__ = ["Unlabelled", "surest", "with_pixels"]


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """Pixels that nobody labelled.

    Attributes
    ----------
    patches
        (pixel, layer, window, window) float32 in the layers' own units.
    """

    patches: Float32Array

    @property
    def centres(self) -> Float32Array:
        """(pixel, layer) of the pixels themselves."""
        middle = self.patches.shape[-1] // 2
        return self.patches[:, :, middle, middle]

    @property
    def is_complete(self) -> BoolArray:
        """(pixel,) whether it has a value in each layer."""
        return np.asarray(np.isfinite(self.centres).all(axis=1))

    def part(self, use: BoolArray) -> Unlabelled:
        """Take some of the pixels."""
        return Unlabelled(self.patches[use])


def surest(probabilities: Float32Array, wanted: Int64Array) -> Int64Array:
    """Choose of each class the pixels that are most probably of it.

    Parameters
    ----------
    probabilities
        (pixel, class); in the sixth digit they may have been rounded otherwise elsewhere, and do
        not decide by it.
    wanted
        (class,) how many of each class, at most.

    Returns
    -------
    Their rows, class by class, the surest first, and of equals the first.
    """
    best, sure = probabilities.argmax(axis=1), probabilities.max(axis=1).round(5)
    parts = [np.empty(0, dtype=np.int64)]
    for number, count in enumerate(wanted):
        own = np.flatnonzero(best == number)
        parts.append(own[np.argsort(-sure[own], kind="stable")][:count])
    return np.concatenate(parts)


def with_pixels(
    data: TrainingData, pixels: Unlabelled, rows: Int64Array, classes: Int64Array, weight: float
) -> TrainingData:
    """Add pixels to the samples of a training.

    Parameters
    ----------
    data
        Labelled samples.
    pixels
        Of which some are added.
    rows, classes
        Those, and the positions of their classes in those of the data.
    weight
        Of each, where a sample weighs 1; the samples of a class are then weighed so that together
        they weigh as much as the labelled ones did.
    """
    own = np.ones(len(data.labels)) if data.weights is None else data.weights.astype(np.float64)
    labels = np.concatenate([data.labels, classes])
    weights = np.concatenate([own, np.full(len(rows), weight)])
    before = np.bincount(data.labels, own, minlength=len(data.classes))
    factor = before / np.bincount(labels, weights, minlength=len(data.classes))
    return replace(
        data,
        patches=np.concatenate([data.patches, pixels.patches[rows]]),
        labels=labels,
        weights=(weights * factor[labels]).astype(np.float32),
    )
