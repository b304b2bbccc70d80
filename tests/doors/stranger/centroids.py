"""A model that wants whole series: the class whose mean series is nearest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from minecover.arrays import Float32Array
from minecover.models.classifier import DESCRIPTION, Classifier
from minecover.models.kind import ModelKind
from minecover.models.pixelwise import PixelwiseClassifier
from minecover.models.series import SeriesLayout
from minecover.models.standardise import Standardiser
from minecover.models.task import History, TrainingTask
from minecover.settings import Section
from minecover.storage.store import Store

__all__ = ["CENTROIDS", "Centroids", "CentroidsOptions"]


class CentroidsOptions(Section):
    """What `model.options` may hold."""

    sharpness: float = Field(1.0, gt=0, description="how fast probability falls with distance")


@dataclass(frozen=True, eq=False)
class NearestSeries(PixelwiseClassifier):
    """Mean series of each class, (class, season, feature)."""

    layout: SeriesLayout
    means: Float32Array
    sharpness: float

    def probabilities(self, pixels: Float32Array) -> Float32Array:
        """Give more to the class whose mean is nearer, summed over seasons and features."""
        series = self.layout.of(pixels).values
        distance = np.square(series[:, None] - self.means).mean(axis=(2, 3))
        scores = np.exp(-self.sharpness * (distance - distance.min(axis=1, keepdims=True)))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True), dtype=np.float32)

    def save(self, store: Store, prefix: str = "model/") -> None:
        """Write it as one JSON document."""
        document = self.description() | {
            "layout": self.layout.to_json(),
            "means": self.means.tolist(),
            "sharpness": self.sharpness,
        }
        store.write(prefix + DESCRIPTION, json.dumps(document).encode())


class Centroids(ModelKind):
    """Nearest mean series."""

    name = "centroids"
    label = "nearest mean series"
    reads = "series"
    options_type = CentroidsOptions

    def fit(self, task: TrainingTask) -> tuple[Classifier, History]:
        """See `ModelKind.fit`."""
        layout = task.data.layout
        series, count = layout.of(task.pixels).values, len(task.data.classes)
        means = np.stack(
            [series[task.labels == position].mean(axis=0) for position in range(count)]
        )
        sharpness = CentroidsOptions.model_validate(task.settings.options).sharpness
        model = NearestSeries(
            self.name, task.data.layers, task.data.classes, task.standardiser, layout, means,
            sharpness,
        )  # fmt: skip
        return model, History()

    def load(self, store: Store, prefix: str, description: dict[str, Any]) -> Classifier:
        """See `ModelKind.load`."""
        return NearestSeries(
            self.name,
            tuple(description["layers"]),
            tuple(description["classes"]),
            Standardiser.from_json(description["standardise"]),
            SeriesLayout.from_json(description["layout"]),
            np.array(description["means"], dtype=np.float32),
            float(description["sharpness"]),
        )


CENTROIDS = Centroids()
