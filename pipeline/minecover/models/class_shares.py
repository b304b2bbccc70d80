"""What classes weigh in a training, and how much of the ground they are taken to cover.

Whoever labels decides how many points a class has. Where the points are no probability sample, that
says nothing of the ground: the shares of an area design do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from minecover.accuracy.calibration import Recalibration
from minecover.arrays import BoolArray, Float32Array, Float64Array
from minecover.errors import DataError
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.recalibrated import recalibrated_by
from minecover.models.settings import ModelSettings

__all__ = [
    "assumed_shares",
    "ground_shift",
    "learned_counts",
    "moved_to_ground",
    "prior_shifted",
    "sample_weights",
]


def sample_weights(
    settings: ModelSettings, data: TrainingData, training: BoolArray
) -> Float32Array:
    """Weight of each sample: its own times that of its class, mean 1 over the training samples.

    Where classes are weighed, it is the sum of the weights of a class's training samples.

    Raises
    ------
    DataError
        A class has no training sample.
    """
    counts = np.bincount(data.labels[training], minlength=len(data.classes))
    if not counts.all():
        empty = [str(code) for code, n in zip(data.classes, counts, strict=True) if not n]
        raise DataError(
            f"samples: no training sample of class {', '.join(empty)}; add points of it, or take "
            "it out of `classes`"
        )
    own = np.ones(len(data.labels)) if data.weights is None else data.weights.astype(np.float64)
    weights, together = own, np.bincount(data.labels[training], own[training])
    if settings.class_weights == "balanced":
        weights = own / together[data.labels]
    elif settings.class_weights == "area":
        weights = own * (_shares(settings, data.classes) / together)[data.labels]
    scaled: Float32Array = (weights / weights[training].mean()).astype(np.float32)
    return scaled


def prior_shifted(
    classifier: Classifier, settings: ModelSettings, data: TrainingData, *, weighted: bool
) -> Classifier:
    """Move the probabilities of a model from the shares it learned to those of the ground.

    By Bayes' rule the odds of a class change by its share of the ground over that among what was
    learned (Saerens et al. 2002, doi:10.1162/089976602753284446); `model.prior_shift` is the power
    that this is taken to.

    Parameters
    ----------
    classifier
        As it was trained, and calibrated.
    settings
        With which it was trained.
    data
        On which it was trained.
    weighted
        Whether its kind learns from the weights of samples.
    """
    return moved_to_ground(classifier, settings, learned_counts(settings, data, weighted=weighted))


def learned_counts(settings: ModelSettings, data: TrainingData, *, weighted: bool) -> Float64Array:
    """(class,) samples that a model learns from, as they weigh.

    Parameters
    ----------
    settings, data, weighted
        As for `prior_shifted`.
    """
    every = np.ones(len(data.labels), dtype=bool)
    weights = sample_weights(settings, data, every) if weighted else None
    counts = np.bincount(data.labels, weights, minlength=len(data.classes))
    return counts.astype(np.float64)


def ground_shift(
    settings: ModelSettings, classes: Sequence[int], learned: Float64Array
) -> Recalibration | None:
    """Give what moves probabilities to the shares of the ground; None where nobody wants it.

    Parameters
    ----------
    settings
        Of the survey whose ground it is.
    classes
        Codes of the classes.
    learned
        (class,) samples, or shares, that the probabilities are right for.
    """
    if settings.prior_shift == 0:
        return None
    odds = np.log(_shares(settings, classes)) - np.log(learned / learned.sum())
    biases = (round(float(bias), 6) for bias in settings.prior_shift * odds)
    return Recalibration(1.0, tuple(biases))


def moved_to_ground(
    classifier: Classifier, settings: ModelSettings, learned: Float64Array
) -> Classifier:
    """Move the probabilities of a classifier as `ground_shift` says, by the same parameters."""
    shift = ground_shift(settings, classifier.classes, learned)
    return classifier if shift is None else recalibrated_by(classifier, shift)


def assumed_shares(
    settings: ModelSettings, classes: Sequence[int], counts: npt.ArrayLike, *, weighted: bool
) -> Float64Array:
    """(class,) shares of the classes that the probabilities of a model are right for.

    Those among its samples as they weighed, moved to those of the ground as far as
    `model.prior_shift` says.

    Parameters
    ----------
    settings, weighted
        As for `prior_shifted`.
    classes
        Codes of the classes.
    counts
        (class,) numbers of samples that were learned from, none 0.
    """
    learned = np.asarray(counts, dtype=np.float64)
    if weighted and settings.class_weights == "balanced":
        learned = np.ones(len(classes))
    elif weighted and settings.class_weights == "area":
        learned = _shares(settings, classes)
    learned = learned / learned.sum()
    if settings.prior_shift:
        learned = learned * (_shares(settings, classes) / learned) ** settings.prior_shift
    shares: Float64Array = learned / learned.sum()
    return shares


def _shares(settings: ModelSettings, classes: Sequence[int]) -> Float64Array:
    """(class,) share of the ground of each class that has samples.

    Raises
    ------
    DataError
        That of a class is not known.
    """
    known = settings.class_shares or {}
    missing = [str(code) for code in classes if code not in known]
    if missing:
        raise DataError(
            f"model.class_shares: no share of class {', '.join(missing)}; give that of each class"
        )
    shares: Float64Array = np.array([known[code] for code in classes], dtype=np.float64)
    shares /= shares.sum()
    return shares
