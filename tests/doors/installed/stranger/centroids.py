"""A model that wants whole series: the class whose mean series is nearest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from minecover.arrays import Float32Array
from minecover.models.series import Series
from minecover.models.series_kind import SeriesKind
from minecover.models.task import TrainingTask
from minecover.settings import Section

__all__ = ["CENTROIDS", "Centroids", "CentroidsOptions"]


class CentroidsOptions(Section):
    """What `model.options` may hold."""

    sharpness: float = Field(1.0, gt=0, description="how fast probability falls with distance")


@dataclass(frozen=True)
class MeanSeries:
    """Mean series of each class, (class, season, feature)."""

    means: Float32Array
    sharpness: Float32Array

    def probabilities(self, series: Series) -> Float32Array:
        """Give more to the class whose mean is nearer, summed over seasons and features."""
        distance = np.square(series.values[:, None] - self.means).mean(axis=(2, 3))
        scores = np.exp(-self.sharpness * (distance - distance.min(axis=1, keepdims=True)))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True), dtype=np.float32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See `SeriesModel.arrays`."""
        return {"means": self.means, "sharpness": self.sharpness}


class Centroids(SeriesKind):
    """Nearest mean series."""

    name = "centroids"
    label = "nearest mean series"
    options_type = CentroidsOptions

    def learn(self, series: Series, task: TrainingTask) -> MeanSeries:
        """See `SeriesKind.learn`."""
        count = len(task.data.classes)
        means = [series.values[task.labels == position].mean(axis=0) for position in range(count)]
        sharpness = CentroidsOptions.model_validate(task.settings.options).sharpness
        return MeanSeries(np.stack(means), np.array([sharpness], dtype=np.float32))

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> MeanSeries:
        """See `SeriesKind.restore`."""
        return MeanSeries(**arrays)


CENTROIDS = Centroids()
