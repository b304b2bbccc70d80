"""Points that were held out, with what a model made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from minecover.accuracy.calibration import class_wise_error, cross_fitted, reliability
from minecover.accuracy.estimates import estimates
from minecover.accuracy.intervals import Intervals, intervals
from minecover.accuracy.leakage import leakage
from minecover.accuracy.sets import set_document
from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.label_noise.confident_learning import noise_rate
from minecover.prediction.smoothing import smoothing_helps

__all__ = ["AssessedPoints"]


@dataclass(frozen=True, eq=False)
class AssessedPoints:
    """Points that were held out, and what they got.

    Attributes
    ----------
    rows
        Their rows in the samples.
    reference, mapped
        Code of their class, and of the class they got.
    plain, smoothed
        Code of the class they get without and with smoothing.
    apart
        Whether the model saw no pixel that smoothing reads.
    confidence
        Probability of the class they got.
    probabilities
        (point, class) of the survey's classes in order, without smoothing.
    blocks
        Their spatial block.
    region
        Name of their region.
    readings
        (point, period, class) probabilities at their places in the periods that have samples, NaN
        where a period has no features; without periods there are none.
    map_probabilities
        (point, class) as the map has them, which is smoothed where the survey says so.
    """

    rows: Int64Array
    reference: Int64Array
    mapped: Int64Array
    plain: Int64Array
    smoothed: Int64Array
    apart: BoolArray
    confidence: Float32Array
    probabilities: Float32Array
    blocks: Int64Array
    region: npt.NDArray[np.object_]
    readings: Float32Array
    map_probabilities: Float32Array

    @classmethod
    def joined(cls, parts: list[AssessedPoints]) -> AssessedPoints:
        """Several folds as one."""
        columns: dict[str, Any] = {
            item.name: np.concatenate([getattr(part, item.name) for part in parts])
            for item in fields(cls)
        }
        return cls(**columns)

    def part(self, use: BoolArray) -> AssessedPoints:
        """Take some of the points."""
        return AssessedPoints(**{item.name: getattr(self, item.name)[use] for item in fields(self)})

    @property
    def right(self) -> BoolArray:
        """Whether a point got its class."""
        return np.asarray(self.reference == self.mapped)

    def intervals(self, codes: Mapping[str, int]) -> Intervals:
        """95 % intervals of all measures, points of a block taken as alike."""
        return intervals(self.reference, self.mapped, codes, self.blocks)

    def document(self, codes: Mapping[str, int]) -> dict[str, Any]:
        """Give accuracy, intervals and reliability as JSON wants them; `codes`: of all classes."""
        return {
            **estimates(self.reference, self.mapped, codes).to_dict(),
            "intervals": self.intervals(codes).to_dict(tuple(codes)),
            "reliability": reliability(self.confidence, self.right).to_dict(),
            "calibration": self._calibration(codes),
        }

    def wrong_labels(self, codes: Mapping[str, int]) -> dict[str, Any] | None:
        """Estimate how many of their labels are wrong, by class; None where there are no points."""
        if not len(self.rows):
            return None
        found = noise_rate(self._labels(codes), self.probabilities.astype(np.float64), self.blocks)
        return found.to_dict(tuple(codes))

    def _labels(self, codes: Mapping[str, int]) -> Int64Array:
        position = {code: number for number, code in enumerate(codes.values())}
        return np.array([position[code] for code in self.reference.tolist()], dtype=np.int64)

    def _calibration(self, codes: Mapping[str, int]) -> dict[str, float]:
        """Class-wise error as it is, and as biases and a temperature from other blocks have it."""
        labels, groups = self._labels(codes), np.unique(self.blocks, return_inverse=True)[1] % 5
        fitted = cross_fitted(self.map_probabilities, labels, groups)
        return {
            "class_wise_error": class_wise_error(self.map_probabilities, labels),
            "recalibrated_by_other_blocks": class_wise_error(fitted, labels),
        }

    def sets(self, codes: Mapping[str, int], level: float) -> dict[str, Any]:
        """Find sets of classes that hold the true one, and test them by blocks.

        See `minecover.accuracy.sets`.
        """
        labels = self._labels(codes)
        return set_document(self.map_probabilities, labels, self.blocks, tuple(codes), level)

    def leakage(self, blocked: AssessedPoints) -> dict[str, Any]:
        """Compare a random split, which this is, with blocks, at the points that both tested."""
        _, own, other = np.intersect1d(self.rows, blocked.rows, return_indices=True)
        mapped = self.mapped[own], blocked.mapped[other]
        return leakage(self.reference[own], *mapped, self.blocks[own]).to_dict()

    def gain(self) -> dict[str, Any]:
        """Measure what smoothing gains, at the points that it can be judged by."""
        parts = (self.reference, self.plain, self.smoothed)
        return smoothing_helps(*(part[self.apart] for part in parts))
