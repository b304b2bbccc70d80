"""Labels that a model need not learn from: the most doubtful, as many as are surely wrong.

Without all that are doubtful it is worse, since right labels go with them that are unusual, from
which a model learns most (`benchmarks/NOISE.md`). The wrong ones are the most doubtful of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from minecover.errors import DataError
from minecover.label_noise.confident_learning import NoiseRate, noise_rate
from minecover.label_noise.doubts import Doubts, doubts_of
from minecover.label_noise.neighbours import neighbour_shares

__all__ = ["DOUBTFUL", "JudgedLabels", "judge_labels"]

DOUBTFUL = 0.5
"""Doubt above which another class is more likely than the label."""

MOST = 0.5
"""Share of a class's labels that may be doubtful: of more it is the class that models do not know.
"""

TREES = 100
"""Of a forest that reads the points of a fold."""

PLACES = 9
"""Decimal places of probabilities: threads sum those of trees in any order."""


@dataclass(frozen=True, eq=False)
class JudgedLabels:
    """Labels that a model is to learn from, as models of other blocks and similar points see them.

    Attributes
    ----------
    noise
        Share of wrong labels, by estimate.
    doubts
        Of each label.
    doubtful
        (n,) whether another class is more likely, of classes that models know.
    """

    noise: NoiseRate
    doubts: Doubts
    doubtful: BoolArray

    @property
    def left_out(self) -> BoolArray:
        """(n,) the most doubtful, as many as the lower end of the interval says are wrong."""
        out = np.zeros(len(self.doubtful), dtype=bool)
        order = self.doubts.order
        out[order[self.doubtful[order]][: int(self.noise.low * len(out))]] = True
        return out

    def to_dict(self, names: Sequence[str], labels: Int64Array) -> dict[str, Any]:
        """Say how many labels seem wrong and are left out, by the names of the classes."""
        out = self.left_out
        counts = np.bincount(labels[out], minlength=len(names))
        rate = {key: round(getattr(self.noise, key), 4) for key in ("rate", "low", "high")}
        by_class = {name: int(n) for name, n in zip(names, counts, strict=True)}
        return {"seem_wrong": rate, "left_out": int(out.sum()), "by_class": by_class}


def judge_labels(
    values: Float32Array,
    labels: Int64Array,
    folds: Int64Array,
    blocks: Int64Array,
    *,
    seed: int,
    threads: int,
) -> JudgedLabels:
    """Judge labels by forests that did not see their folds, and by similar points.

    Parameters
    ----------
    values
        (n, layer) features at the points, without NaN.
    labels
        (n,) places of classes.
    folds, blocks
        (n,) fold of each, of whole spatial blocks, and these.
    seed, threads
        Of the forests.

    Raises
    ------
    DataError
        Without a fold all labels are of one class.
    """
    count = int(labels.max()) + 1
    read = _out_of_fold(values, labels, folds, seed, threads)
    doubts = doubts_of(labels, read, neighbour_shares(values, labels, count))
    doubts = replace(doubts, doubt=np.round(doubts.doubt, PLACES))
    doubtful: BoolArray = doubts.doubt > DOUBTFUL
    share = np.bincount(labels, doubtful, count) / np.maximum(np.bincount(labels), 1)
    return JudgedLabels(
        noise_rate(labels, read, blocks, seed), doubts, doubtful & (share <= MOST)[labels]
    )


def _out_of_fold(
    values: Float32Array, labels: Int64Array, folds: Int64Array, seed: int, threads: int
) -> Float64Array:
    """(n, class) probabilities by forests that learned from the other folds."""
    from sklearn.ensemble import RandomForestClassifier  # takes a second to import

    out = np.zeros((len(labels), int(labels.max()) + 1))
    for fold in np.unique(folds):
        here = folds == fold
        if len(np.unique(labels[~here])) < 2:
            raise DataError(
                f"samples: without fold {fold} all points are of one class, so none can be "
                "doubted; give points in more places, or model.doubtful_labels: keep"
            )
        forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=threads)
        forest.fit(values[~here], labels[~here])
        out[np.ix_(here, forest.classes_)] = forest.predict_proba(values[here])
    return np.round(out, PLACES)
