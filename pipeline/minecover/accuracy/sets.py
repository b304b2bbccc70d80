"""Sets of classes that hold the true one with a given probability (conformal prediction).

Vovk 2012 (arXiv:1209.2673): class by class, so that the coverage holds for rare classes, too. A
class is in the set of a pixel where its probability there is not lower than it mostly is where it
is true: than all but a share of the points of the class that were held out. The most probable class
is always in the set. Points of one place are alike, so what is covered is tested at blocks that the
least probabilities were not found from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from minecover.accuracy.scores import effective_points, wilson
from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array

__all__ = ["class_sets", "set_document"]

GROUPS = 5
"""Into which blocks are divided to test the coverage, at most."""


def least_probabilities(
    probabilities: Float32Array, labels: Int64Array, level: float
) -> Float64Array:
    """Find the least probability at which each class is taken into a set.

    Parameters
    ----------
    probabilities
        (n, class) of points the model was not trained on.
    labels
        (n,) positions of the true classes.
    level
        Share of the points of each class that sets are to hold, 0 to 1.

    Returns
    -------
    (class,) the (m + 1)(1 - level)-th lowest of a class's m points, rounded down; 0, so that it is
    in every set, where there are too few points for the level.
    """
    least = np.zeros(probabilities.shape[1])
    for number in range(len(least)):
        own = np.sort(probabilities[labels == number, number])
        rank = math.floor((len(own) + 1) * (1 - level) + 1e-9)
        if rank:
            least[number] = own[rank - 1]
    return least


def class_sets(probabilities: Float32Array, least: Float64Array, axis: int = -1) -> BoolArray:
    """Tell which classes are in the sets; classes lie along `axis`; none where it is NaN."""
    shape = [1] * probabilities.ndim
    shape[axis] = -1
    with np.errstate(invalid="ignore"):
        highest = probabilities == probabilities.max(axis=axis, keepdims=True)
        chosen: BoolArray = highest | (probabilities >= least.astype(np.float32).reshape(shape))
    return chosen


def set_document(
    probabilities: Float32Array,
    labels: Int64Array,
    blocks: Int64Array,
    names: Sequence[str],
    level: float,
) -> dict[str, object]:
    """Find the least probabilities from held-out points, and test by blocks what sets hold.

    Parameters
    ----------
    probabilities, labels, level
        As for `least_probabilities`.
    blocks
        (n,) spatial block of each point.
    names
        Of the classes.

    Returns
    -------
    `level`, `least_probability` by class, and of the blocks left out in turn `coverage` with a 95 %
    interval, `coverage_by_class` (None: no point) and `mean_size`; None where there is one block.
    """
    least = least_probabilities(probabilities, labels, level)
    document: dict[str, object] = {
        "level": level,
        "least_probability": {n: float(v) for n, v in zip(names, least, strict=True)},
        "points": len(labels),
    }
    if len(np.unique(blocks)) < 2:
        return document | {"coverage": None, "coverage_by_class": {}, "mean_size": None}
    chosen = _tested(probabilities, labels, blocks, level)
    covered = chosen[np.arange(len(labels)), labels]
    of_blocks = np.unique(blocks, return_inverse=True)[1]
    sums, sizes = (
        np.bincount(of_blocks, weights).astype(np.float64) for weights in (covered, None)
    )
    share = float(covered.mean())
    points = effective_points(sums, sizes, share * (1 - share))
    low, high = wilson(share, points)
    shares = {
        name: float(covered[labels == number].mean()) if (labels == number).any() else None
        for number, name in enumerate(names)
    }
    return document | {
        "coverage": {"value": share, "low": low, "high": high},
        "coverage_by_class": shares,
        "mean_size": float(chosen.sum(axis=1).mean()),
    }


def _tested(
    probabilities: Float32Array, labels: Int64Array, blocks: Int64Array, level: float
) -> BoolArray:
    """Give each point the set that the points of other groups of blocks make."""
    group = np.unique(blocks, return_inverse=True)[1] % GROUPS
    chosen = np.zeros(probabilities.shape, dtype=bool)
    for number in np.unique(group):
        here = group == number
        least = least_probabilities(probabilities[~here], labels[~here], level)
        chosen[here] = class_sets(probabilities[here], least)
    return chosen
