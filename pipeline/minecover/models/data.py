"""Labelled patches that a model learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.errors import SurveyError
from minecover.models.series import SeriesLayout

__all__ = ["ModelInputs", "TrainingData"]


@dataclass(frozen=True)
class ModelInputs:
    """What a model reads.

    Attributes
    ----------
    layers
        Names of the layers.
    window
        Edge of the neighbourhood in pixels, odd.
    series
        Which layer is which season of which feature; None: it does not read series.
    pretrained
        The store with the weights that it starts from, trained there without labels; None: none.
    chosen
        Those of the layers that were chosen, best first; None: all, in their order.
    """

    layers: tuple[str, ...]
    window: int = 1
    series: SeriesLayout | None = None
    pretrained: str | None = None
    chosen: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Labelled patches.

    Attributes
    ----------
    patches
        (sample, layer, window, window) float32 in the layers' own units, NaN where nodata.
    labels
        (sample,) int64, positions in `classes`.
    layers
        Names of the layers.
    classes
        Codes of the classes in the survey's order.
    weights
        (sample,) weights of the samples; None: all alike.
    series
        Which layer is which season of which feature; None: the model does not read series.
    pretrained
        As of `ModelInputs`.
    chosen
        Those of the layers that were chosen, best first; None: all, in their order.
    """

    patches: Float32Array
    labels: Int64Array
    layers: tuple[str, ...]
    classes: tuple[int, ...]
    weights: Float32Array | None = None
    series: SeriesLayout | None = None
    pretrained: str | None = None
    chosen: tuple[str, ...] | None = None

    @classmethod
    def labelled(
        cls, patches: Float32Array, codes: Int64Array, inputs: ModelInputs, classes: Sequence[int]
    ) -> TrainingData:
        """Label patches by class codes, with those of the classes that they are of.

        Parameters
        ----------
        patches
            As above.
        codes
            (sample,) codes of their classes.
        inputs
            What the model reads.
        classes
            Codes of all classes in the survey's order.
        """
        present = tuple(code for code in classes if (codes == code).any())
        position = {code: index for index, code in enumerate(present)}
        labels = np.array([position[int(code)] for code in codes], dtype=np.int64)
        layout, start, chosen = inputs.series, inputs.pretrained, inputs.chosen
        return cls(patches, labels, inputs.layers, present, None, layout, start, chosen)

    @property
    def window(self) -> int:
        """Edge of a patch in pixels."""
        return int(self.patches.shape[-1])

    @property
    def centres(self) -> Float32Array:
        """(sample, layer): the pixel the label belongs to."""
        middle = self.window // 2
        return self.patches[:, :, middle, middle]

    def of_chosen(self) -> TrainingData:
        """Leave out the layers that only complete series, and what is said of series."""
        if self.chosen is None or self.chosen == self.layers:
            return replace(self, series=None, chosen=None)
        positions = [self.layers.index(name) for name in self.chosen]
        patches = self.patches[:, positions]
        return replace(self, patches=patches, layers=self.chosen, series=None, chosen=None)

    def part(self, use: BoolArray) -> TrainingData:
        """Take some of the samples; the classes stay those of all."""
        weights = None if self.weights is None else self.weights[use]
        return replace(self, patches=self.patches[use], labels=self.labels[use], weights=weights)

    def cropped(self, window: int) -> TrainingData:
        """Cut smaller patches of the same samples.

        Raises
        ------
        SurveyError
            The patches are smaller than `window`.
        """
        margin, rest = divmod(self.window - window, 2)
        if margin < 0 or rest:
            raise SurveyError(
                f"model.window: {window} cannot be cut from patches of {self.window} x "
                f"{self.window}; draw the samples again with model.window {window}"
            )
        inside = slice(margin, margin + window)
        return replace(self, patches=self.patches[:, :, inside, inside])
