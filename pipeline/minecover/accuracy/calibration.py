"""Calibration: whether what has a probability of 90 % is right nine times in ten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array

__all__ = [
    "Recalibration",
    "Reliability",
    "class_wise_error",
    "cross_fitted",
    "fit_recalibration",
    "fit_temperature",
    "fitted_without_folds",
    "gain_error",
    "losses",
    "reliability",
    "share_shift",
]

RANGE = (0.05, 20.0)
"""Temperatures that are tried: beyond them a model is all but certain, or knows nothing."""

TINY = 1e-12
"""Probabilities are taken as at least this: one of 0 would cost infinitely much."""


def _scores(probabilities: npt.NDArray[np.floating]) -> Float64Array:
    return np.log(np.maximum(probabilities.astype(np.float64), TINY))


def _labelled_scores(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> Float64Array:
    """Give the scores of points, of which there must be some, each with a label."""
    if not len(labels) or probabilities.shape[0] != len(labels):
        raise ValueError(f"{probabilities.shape} probabilities for {len(labels)} labels")
    return _scores(probabilities)


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
    from scipy.optimize import minimize_scalar  # takes half a second to import

    scores, rows = _labelled_scores(probabilities, labels), np.arange(len(labels))

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


@dataclass(frozen=True)
class Recalibration:
    """Scores divided by a temperature, with a bias for each class added.

    A bias moves what is mapped: it is what another share of the classes on the ground, or ground
    that looks a little otherwise, comes to.

    Attributes
    ----------
    temperature
        Above 0; 1 leaves the scores as they are.
    biases
        One a class, in logits.
    """

    temperature: float
    biases: tuple[float, ...]

    def apply(self, probabilities: Float32Array, axis: int = -1) -> Float32Array:
        """Give the recalibrated probabilities, whose classes lie along `axis`; NaN stays NaN."""
        shape = [1] * probabilities.ndim
        shape[axis] = -1
        scores = _scores(probabilities) / self.temperature + np.array(self.biases).reshape(shape)
        shares: Float32Array = softmax(scores, axis=axis).astype(np.float32)
        return shares

    def after(self, first: Recalibration) -> Recalibration:
        """Give the one that is as `first` and then this."""
        pairs = zip(first.biases, self.biases, strict=True)
        moved = tuple(before / self.temperature + own for before, own in pairs)
        return Recalibration(first.temperature * self.temperature, moved)


def fit_recalibration(
    probabilities: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    shift: Float64Array | float = 0.0,
    *,
    biased: bool = True,
) -> Recalibration:
    """Find the biases and the temperature that make the labels most likely, and yet are small.

    The sum of the losses and of half the squares of the biases and of the temperature's logarithm
    is least: the mode where each is normal with deviation 1 before there are labels. So few labels
    move little, and a class without any keeps its score but for those of the others.

    Parameters
    ----------
    probabilities
        (n, class) of points the model was not trained on.
    labels
        (n,) positions of the true classes.
    shift
        (class,) logits by which classes are more frequent among the points than they were where
        the model learned; see `share_shift`. It is not part of what is found.
    biased
        Whether biases are found; else the temperature alone, by which the most probable class stays
        the same.

    Raises
    ------
    ValueError
        There is no point, or the shapes do not fit.
    """
    from scipy.optimize import minimize  # takes half a second to import

    scores = _labelled_scores(probabilities, labels)
    hit = np.eye(scores.shape[1])[labels]

    def loss(parameters: Float64Array) -> tuple[float, Float64Array]:
        sharpness = np.exp(-parameters[0])
        logs = log_softmax(sharpness * scores + parameters[1:] + shift, axis=1)
        gap = np.exp(logs) - hit
        slope = np.concatenate([[-sharpness * (gap * scores).sum()], gap.sum(axis=0)])
        return float(0.5 * (parameters**2).sum() - logs[hit == 1].sum()), parameters + slope

    free = (None, None) if biased else (0.0, 0.0)
    bounds = [tuple(np.log(RANGE)), *[free] * scores.shape[1]]
    start = np.zeros(1 + scores.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    temperature, *biases = (round(float(value), 6) for value in (np.exp(found[0]), *found[1:]))
    return Recalibration(temperature, tuple(biases))


def share_shift(points: Int64Array, learned: Float64Array) -> Float64Array:
    """Give the logits by which classes are more frequent among points than among others.

    Whoever labels decides how many points a class has, which says nothing of the ground: without
    this a recalibration by as many points of a rare class as of a frequent one would have the rare
    one mapped everywhere.

    Parameters
    ----------
    points, learned
        (class,) numbers of points of each class; half a point is added to each.
    """
    own, its = points + 0.5, learned + 0.5
    shift: Float64Array = np.log(own / own.sum()) - np.log(its / its.sum())
    return shift


def cross_fitted(
    probabilities: Float32Array,
    labels: npt.NDArray[np.integer],
    folds: Int64Array,
    shift: Float64Array | float = 0.0,
    *,
    biased: bool = True,
) -> Float32Array:
    """Recalibrate points fold by fold, each by the labels of the others.

    Parameters
    ----------
    probabilities
        (n, class).
    labels, folds
        (n,) positions of the true classes, and the fold of each point.
    shift, biased
        As for `fit_recalibration`.

    Returns
    -------
    (n, class); those of the only fold, if there is but one, as they were.
    """
    out = probabilities.copy()
    for here, fitted in fitted_without_folds(probabilities, labels, folds, shift, biased=biased):
        if not here.all():  # one would not come back as the same bits
            out[here] = fitted.apply(probabilities[here])
    return out


def fitted_without_folds(
    probabilities: Float32Array,
    labels: npt.NDArray[np.integer],
    folds: Int64Array,
    shift: Float64Array | float = 0.0,
    *,
    biased: bool = True,
) -> Iterator[tuple[BoolArray, Recalibration]]:
    """Give each fold, (n,) whether a point is of it, and what the labels of the others show.

    Of the only fold, if there is but one, nothing is changed.

    Parameters
    ----------
    probabilities, labels, folds, shift, biased
        As for `cross_fitted`.
    """
    for fold in np.unique(folds):
        here: BoolArray = folds == fold
        if here.all():
            yield here, Recalibration(1.0, (0.0,) * probabilities.shape[1])
        else:
            yield here, fit_recalibration(probabilities[~here], labels[~here], shift, biased=biased)


def losses(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> Float64Array:
    """(n,) -ln of the probability of the true class, of (n, class) and (n,)."""
    likely = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    found: Float64Array = -np.log(np.maximum(likely, TINY))
    return found


def gain_error(gains: npt.NDArray[np.floating]) -> float:
    """Give the standard error of what blocks gain together, (block,) sums; of fewer than two 0.

    Points of a block are alike, so blocks are what was drawn independently.
    """
    return float(np.sqrt(len(gains)) * gains.std(ddof=1)) if len(gains) > 1 else 0.0


def class_wise_error(
    probabilities: Float32Array, labels: npt.NDArray[np.integer], bins: int = 10
) -> float:
    """Class-wise calibration error (Kull et al. 2019, arXiv:1910.12656).

    Parameters
    ----------
    probabilities, labels
        (n, class), and (n,) positions of the true classes.
    bins
        Of equal width over 0-1.

    Returns
    -------
    Mean over the classes of the distance between the mean probability of a class in a bin and the
    share of the class there, weighted by the points of the bin.
    """
    errors = [
        reliability(probabilities[:, number], np.asarray(labels == number), bins).error
        for number in range(probabilities.shape[1])
    ]
    return float(np.mean(errors))
