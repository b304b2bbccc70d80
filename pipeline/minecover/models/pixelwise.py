"""Models that judge a pixel by its own values, whatever lies around it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minecover.arrays import Float32Array
from minecover.models.classifier import Classifier, check_blocks
from minecover.models.standardise import Standardiser

__all__ = ["PixelwiseClassifier"]


@dataclass(frozen=True, eq=False)
class PixelwiseClassifier(Classifier):
    """A trained model that gives the classes of a table of pixels.

    Attributes
    ----------
    kind
        Name of its kind.
    layers, classes
        It was trained on.
    standardiser
        Applied to what is read.
    """

    kind: str
    layers: tuple[str, ...]
    classes: tuple[int, ...]
    standardiser: Standardiser = field(repr=False)

    @abstractmethod
    def probabilities(self, pixels: Float32Array) -> npt.NDArray[Any]:
        """Give the probability of each class, (pixel, layer) standardised to (pixel, class)."""

    def predict_each(self, blocks: Float32Array) -> Float32Array:
        """See `Classifier.predict_each`."""
        check_blocks(blocks, self.layers, self.halo)
        valid = np.asarray(np.isfinite(blocks).all(axis=1))
        out = np.full((len(blocks), len(self.classes), *valid.shape[1:]), np.nan, dtype=np.float32)
        if valid.any():
            standardised = self.standardiser.apply(blocks, axis=1)
            pixels = np.ascontiguousarray(standardised.swapaxes(0, 1)[:, valid].T)
            out.swapaxes(0, 1)[:, valid] = self.probabilities(pixels).T
        return out

    def description(self) -> dict[str, Any]:
        """Say what the model is, for its file."""
        return {
            "kind": self.kind,
            "layers": list(self.layers),
            "classes": list(self.classes),
            "standardise": self.standardiser.to_json(),
        }
