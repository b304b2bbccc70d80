"""Points that a carried model never saw, with the probabilities that it gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minecover.accuracy.calibration import share_shift
from minecover.arrays import Float32Array, Float64Array, Int64Array
from minecover.models.classifier import Classifier
from minecover.samples.sample_set import SampleSet

__all__ = ["CarriedPoints"]


@dataclass(frozen=True, eq=False)
class CarriedPoints:
    """Samples of a survey, read by the model of another.

    Attributes
    ----------
    classifier
        The model as it came.
    rows
        (point,) rows in the samples of the survey of those that the model can read.
    samples
        These.
    probabilities
        (point, class) as the model came.
    folds
        (point,) spatial folds.
    learned
        (class,) numbers of points that its probabilities take it to have learned from.
    """

    classifier: Classifier
    rows: Int64Array
    samples: SampleSet
    probabilities: Float32Array
    folds: Int64Array
    learned: Float64Array

    @property
    def shift(self) -> Float64Array:
        """(class,) how much more frequent classes are here than where the model learned."""
        return share_shift(np.bincount(self.labels, minlength=len(self.learned)), self.learned)

    @property
    def labels(self) -> Int64Array:
        """(point,) positions of their classes."""
        position = {code: number for number, code in enumerate(self.classifier.classes)}
        return np.array([position[code] for code in self.samples.codes.tolist()], dtype=np.int64)
