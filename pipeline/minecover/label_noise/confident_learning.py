"""How many labels are wrong, and which, from probabilities of models that did not see them.

Confident learning, Northcutt, Jiang and Chuang 2021, Journal of Artificial Intelligence Research
70, 1373-1411, 10.1613/jair.1.12125, as cleanlab computes it. A point counts as of a class where the
probability of the class reaches the mean of that over the points that are labelled so; points that
count as another class than their label make the share of wrong labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minecover.arrays import BoolArray, Float64Array, Int64Array

__all__ = ["NoiseRate", "confident_joint", "noise_rate"]

DRAWS = 200
"""Of the bootstrap."""

PLACES = 4
"""Decimal places of shares in documents."""

BOUNDS = (0.025, 0.975)
"""Quantiles of a 95 % interval."""


@dataclass(frozen=True, eq=False)
class NoiseRate:
    """Share of labels that are wrong, by estimate.

    Attributes
    ----------
    rate, low, high
        Of all points, 0-1, with a 95 % interval.
    by_class
        (class,) of the points labelled as each class; NaN where there are none.
    joint
        (label, true class) share of all points.
    """

    rate: float
    low: float
    high: float
    by_class: Float64Array
    joint: Float64Array

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """As JSON wants it, by the names of the classes."""
        return {
            "rate": round(self.rate, PLACES),
            "low": round(self.low, PLACES),
            "high": round(self.high, PLACES),
            "classes": {
                name: None if np.isnan(rate) else round(float(rate), PLACES)
                for name, rate in zip(names, self.by_class, strict=True)
            },
            "joint": {
                label: {
                    true: round(float(share), PLACES)
                    for true, share in zip(names, row, strict=True)
                }
                for label, row in zip(names, self.joint, strict=True)
            },
        }


def confident_joint(labels: Int64Array, probabilities: Float64Array) -> Float64Array:
    """Estimate how many points of each label are truly of each class.

    Parameters
    ----------
    labels
        (n,) places of classes.
    probabilities
        (n, class), out of sample, without NaN.

    Returns
    -------
    (label, true class) points; rows sum to the points of each label.
    """
    from cleanlab.count import compute_confident_joint  # imports all of cleanlab

    present = np.unique(labels)
    out = np.zeros((probabilities.shape[1],) * 2)
    if len(present) < 2:
        out[present, present] = len(labels)
        return out
    # a class without labels has no threshold, and would take points of others
    place = np.searchsorted(present, labels)
    counts: Any = compute_confident_joint(place, probabilities[:, present])
    out[np.ix_(present, present)] = counts
    return out


def noise_rate(
    labels: Int64Array, probabilities: Float64Array, groups: Int64Array, seed: int = 0
) -> NoiseRate:
    """Estimate the share of wrong labels.

    Parameters
    ----------
    labels
        (n,) places of classes; n > 0.
    probabilities
        (n, class), out of sample, without NaN.
    groups
        (n,) spatial block of each: the interval is found by redrawing whole blocks.
    seed
        Of the interval.
    """
    joint = confident_joint(labels, probabilities)
    rates = np.array([_wrong(confident_joint(labels[rows], probabilities[rows]))
                      for rows in _redrawn(groups, seed)])  # fmt: skip
    rate, totals = _wrong(joint), joint.sum(axis=1)
    low, high = np.quantile(rates, BOUNDS).tolist()
    by_class = np.full(len(joint), np.nan)
    known: BoolArray = totals > 0
    by_class[known] = 1 - joint.diagonal()[known] / totals[known]
    return NoiseRate(rate, min(rate, low), max(rate, high), by_class, joint / joint.sum())


def _wrong(joint: Float64Array) -> float:
    return float(1 - joint.trace() / joint.sum())


def _redrawn(groups: Int64Array, seed: int) -> list[Int64Array]:
    """Rows of each draw of as many groups as there are, with replacement."""
    rng = np.random.default_rng(seed)
    order = np.argsort(groups, kind="stable").astype(np.int64)
    _, starts = np.unique(groups[order], return_index=True)
    parts = np.split(order, starts[1:])
    draws = rng.integers(0, len(parts), (DRAWS, len(parts)))
    return [np.concatenate([parts[number] for number in draw]) for draw in draws]
