"""What is made of the probabilities of a classifier by looking around each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from minecover.arrays import Float32Array
from minecover.models.classifier import Classifier
from minecover.prediction.borders import BorderReading
from minecover.prediction.settings import PredictionSettings
from minecover.prediction.smoothing import Smoothing

__all__ = ["Refinement"]

POINTS_AT_ONCE = 64
"""Patches that are read together."""


@dataclass(frozen=True)
class Refinement:
    """Smooths probabilities, then reads the borders again where the survey says so.

    Attributes
    ----------
    smoothing, borders
        What is done; borders None: they stay as they are.
    """

    smoothing: Smoothing
    borders: BorderReading | None = None

    @classmethod
    def of(
        cls, smoothing: Smoothing, settings: PredictionSettings, layers: tuple[str, ...]
    ) -> Self:
        """Take what a survey says.

        Parameters
        ----------
        smoothing
            Of its probabilities.
        settings
            Of the survey.
        layers
            Names of the features that borders are read by.
        """
        if not settings.borders:
            return cls(smoothing)
        return cls(smoothing, BorderReading(smoothing.classes, layers, settings.borders))

    @property
    def halo(self) -> int:
        """Pixels needed on every side."""
        return self.smoothing.halo + (0 if self.borders is None else self.borders.halo)

    def reads(self, layers: Sequence[str]) -> tuple[str, ...]:
        """Name the layers that a classifier of `layers` and this read together, each once."""
        wanted = () if self.borders is None else self.borders.layers
        return (*layers, *(name for name in wanted if name not in layers))

    def __call__(
        self, probabilities: Float32Array, features: Float32Array, names: Sequence[str]
    ) -> Float32Array:
        """Refine the probabilities of a tile.

        Parameters
        ----------
        probabilities
            (class, y + 2 halo, x + 2 halo), NaN where nodata.
        features
            (layer, y + 2 halo, x + 2 halo) of the same pixels.
        names
            Of the features; those that borders are read by are among them.

        Returns
        -------
        (class, y, x) float32, summing to 1.
        """
        smooth = self.smoothing(probabilities)
        if self.borders is None:
            return smooth
        edge = self.smoothing.halo
        height, width = smooth.shape[1:]
        places = [names.index(name) for name in self.borders.layers]
        beside = features[places, edge : edge + height, edge : edge + width]
        return self.borders(np.concatenate([smooth, beside]))

    def at(self, classifier: Classifier, patches: Float32Array) -> Float32Array:
        """Read the centre pixel of each patch and its neighbourhood, and refine.

        Parameters
        ----------
        classifier
            Of any kind.
        patches
            (n, layer, edge, edge), the layers those that `reads` names, where edge = 2 (halo of
            the classifier + halo) + 1; NaN where nodata.

        Returns
        -------
        (n, class) refined probabilities of the centres.
        """
        names, outer = self.reads(classifier.layers), classifier.halo
        inner = 2 * self.halo + 1
        if patches.shape[-1] != 2 * outer + inner:
            raise ValueError(f"patches of {patches.shape[-1]} px; {2 * outer + inner} are needed")
        parts = [np.empty((0, len(classifier.classes)), dtype=np.float32)]
        for start in range(0, len(patches), POINTS_AT_ONCE):
            part = patches[start : start + POINTS_AT_ONCE]
            read = classifier.predict_each(part[:, : len(classifier.layers)])
            own = part[:, :, outer : outer + inner, outer : outer + inner]
            # each keeps its own neighbourhood: what straddles two is not looked at
            refined = self(_side_by_side(read), _side_by_side(own), names)
            parts.append(refined[:, 0, ::inner].T)
        return np.concatenate(parts)


def _side_by_side(patches: Float32Array) -> Float32Array:
    """Lay patches out from left to right: (n, layer, y, x) to (layer, y, n x)."""
    layers, height = patches.shape[1:3]
    return np.ascontiguousarray(patches.transpose(1, 2, 0, 3).reshape(layers, height, -1))
