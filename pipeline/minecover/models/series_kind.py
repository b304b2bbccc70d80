"""What kinds of model that read series share: a file of one holds little but its mathematics.

A series is that of a single pixel; what lies around it is not seen. Values are standardised feature
by feature over all seasons, so that the course of a feature through the year stays what it is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from minecover.arrays import Float32Array
from minecover.models.classifier import DESCRIPTION, Classifier, read_object
from minecover.models.kind import ModelKind
from minecover.models.pixelwise import PixelwiseClassifier
from minecover.models.series import Series, SeriesLayout
from minecover.models.standardise import Standardiser
from minecover.models.task import History, TrainingTask
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store

__all__ = ["SeriesKind", "SeriesModel"]

Arrays = Mapping[str, npt.NDArray[Any]]

ARRAYS = "arrays.safetensors"

CHUNK = 8192
"""Pixels that are read together."""


class SeriesModel(Protocol):
    """What a kind learns: numbers, and how they give the classes of series."""

    def probabilities(self, series: Series) -> npt.NDArray[Any]:
        """Give the probability of each class, (pixel, class), summing to 1."""

    def arrays(self) -> Arrays:
        """Give everything that was learnt, by name."""


class SeriesKind(ModelKind):
    """A kind of model that reads the series of a pixel.

    A subclass says `name` and `label`, how to `learn`, and how to `restore` what was learnt.
    """

    reads = "series"

    @abstractmethod
    def learn(self, series: Series, task: TrainingTask) -> SeriesModel:
        """Learn from the series of the training samples.

        Parameters
        ----------
        series
            Of the training samples.
        task
            `task.labels` are their classes, 0 to the number of classes - 1, and
            `task.training_weights` their weights; `task.settings` has the seed, and the options.
        """

    @abstractmethod
    def restore(self, arrays: Arrays) -> SeriesModel:
        """Make a model of its `arrays`."""

    def fit(self, task: TrainingTask) -> tuple[Classifier, History]:
        """See `ModelKind.fit`."""
        data = task.data
        assert data.series is not None  # every kind that reads series is given the layout
        features = [feature for _, feature in data.series.places]
        centres = data.centres[task.training]
        standardiser = Standardiser.fit(centres, data.layers, features)
        series = data.series.of(standardiser.apply(centres, axis=1))
        model = self.learn(series, task)
        classifier = _SeriesClassifier(
            self.name, data.layers, data.classes, standardiser, data.series, model
        )
        return classifier, History()

    def load(self, store: Store, prefix: str, description: dict[str, Any]) -> Classifier:
        """See `ModelKind.load`."""
        arrays = safetensors.numpy.load(read_object(store, prefix + ARRAYS))
        return _SeriesClassifier(
            kind=description["kind"],
            layers=tuple(description["layers"]),
            classes=tuple(description["classes"]),
            standardiser=Standardiser.from_json(description["standardise"]),
            series=SeriesLayout.from_json(description["series"]),
            model=self.restore(arrays),
        )


@dataclass(frozen=True, eq=False)
class _SeriesClassifier(PixelwiseClassifier):
    """What was learnt from series, with the layers that they are made of."""

    series: SeriesLayout
    model: SeriesModel = field(repr=False)

    def probabilities(self, pixels: Float32Array) -> npt.NDArray[Any]:
        """See `PixelwiseClassifier.probabilities`."""
        starts = range(0, len(pixels), CHUNK)
        parts = [self.series.of(pixels[start : start + CHUNK]) for start in starts]
        return np.concatenate([self.model.probabilities(part) for part in parts])

    def save(self, store: Store, prefix: str = MODEL_FOLDER) -> None:
        """Write the arrays, then the description."""
        arrays = {name: np.ascontiguousarray(array) for name, array in self.model.arrays().items()}
        store.write(prefix + ARRAYS, safetensors.numpy.save(arrays))
        description = {**self.description(), "series": self.series.to_json()}
        store.write_json(prefix + DESCRIPTION, description)
