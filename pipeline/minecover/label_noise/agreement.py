"""How far labels from elsewhere agree with what is known, class by class, before they teach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minecover.accuracy.scores import wilson
from minecover.arrays import BoolArray, Int64Array

__all__ = ["Agreement", "agreement_by_class"]


@dataclass(frozen=True)
class Agreement:
    """Of one class.

    Attributes
    ----------
    compared
        Points.
    share, low, high
        That agree, with Wilson's 95 % interval; NaN without points.
    """

    compared: int
    share: float
    low: float
    high: float


def agreement_by_class(labels: Int64Array, agrees: BoolArray, classes: int) -> list[Agreement]:
    """Count what agrees of each class.

    Parameters
    ----------
    labels
        (n,) places of classes.
    agrees
        (n,) whether the other side says the same.
    classes
        How many there are.
    """
    out = []
    for place in range(classes):
        own = agrees[labels == place]
        if not len(own):
            out.append(Agreement(0, np.nan, np.nan, np.nan))
            continue
        share = float(own.mean())
        low, high = wilson(share, float(len(own)))
        out.append(Agreement(len(own), share, low, high))
    return out
