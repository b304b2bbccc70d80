"""Calibration: whether what has a probability of 90 % is right nine times in ten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from minecover.arrays import BoolArray

__all__ = ["Reliability", "fit_temperature", "reliability"]

RANGE = (0.05, 20.0)
"""Temperatures that are tried: beyond them a model is all but certain, or knows nothing."""

TINY = 1e-12
"""Probabilities are taken as at least this: one of 0 would cost infinitely much."""


def fit_temperature(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> float:
    """Find the temperature that makes the labels most likely (Guo et al. 2017, arXiv:1706.04599).

    Parameters
    ----------
    probabilities
        (n, class) of points the model was not trained on, at temperature 1.
    labels
        (n,) positions of the true classes.

    Returns
    -------
    What scores are divided by before the softmax: above 1 the model was too sure, below 1 too
    unsure. The most probable class stays the same.

    Raises
    ------
    ValueError
        There is no point, or the shapes do not fit.
    """
    if not len(labels) or probabilities.shape[0] != len(labels):
        raise ValueError(f"{probabilities.shape} probabilities for {len(labels)} labels")
    scores = np.log(np.maximum(probabilities.astype(np.float64), TINY))
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(scores / np.exp(log_temperature), axis=1)[rows, labels].mean())

    found = minimize_scalar(loss, bounds=tuple(np.log(RANGE)), method="bounded")
    return float(np.exp(found.x))


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, in bins of equal width over 0-1.

    Attributes
    ----------
    confidence, accuracy
        Mean probability of the mapped class, and share of the points where it was right,
        of each bin that has points.
    points
        Number of points of each of these bins.
    """

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    points: tuple[int, ...]

    @property
    def error(self) -> float:
        """Expected calibration error (Naeini et al. 2015): mean distance, weighted by points."""
        total = sum(self.points)
        gaps = zip(self.confidence, self.accuracy, self.points, strict=True)
        return sum(n * abs(mean - right) for mean, right, n in gaps) / total

    def to_dict(self) -> dict[str, object]:
        """As JSON wants it."""
        return {
            "confidence": list(self.confidence),
            "accuracy": list(self.accuracy),
            "points": list(self.points),
            "expected_calibration_error": self.error,
        }


def reliability(
    confidence: npt.NDArray[np.floating], right: BoolArray, bins: int = 10
) -> Reliability:
    """Compare how sure a map is with how often it is right.

    Parameters
    ----------
    confidence
        (n,) probability of the mapped class, 0-1.
    right
        (n,) whether it was the true one.
    bins
        Number of bins.

    Raises
    ------
    ValueError
        There is no point.
    """
    if not len(confidence):
        raise ValueError("reliability of no point")
    number = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    points = np.bincount(number, minlength=bins)
    used = points > 0
    mean = np.bincount(number, confidence, bins)[used] / points[used]
    share = np.bincount(number, right, bins)[used] / points[used]
    return Reliability(tuple(mean.tolist()), tuple(share.tolist()), tuple(points[used].tolist()))
