"""A kind of model that reads series, as a file of another package would bring it."""

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

__all__ = ["PROFILE", "NearestProfile"]


class Options(Section):
    """Of the kind below."""

    power: int = Field(2, ge=1, description="of distances")
    notes: str | None = Field(None, description="a file")


@dataclass(frozen=True)
class Profiles:
    """Mean series of each class."""

    means: Float32Array
    power: Float32Array

    def probabilities(self, series: Series) -> npt.NDArray[Any]:
        distance = np.abs(series.values[:, None] - self.means) ** self.power
        scores = np.exp(-distance.mean(axis=(2, 3)))
        found: npt.NDArray[Any] = scores / scores.sum(axis=1, keepdims=True)
        return found

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return {"means": self.means, "power": self.power}


class NearestProfile(SeriesKind):
    """The class whose mean series is nearest."""

    name = "profile"
    label = "nearest profile"
    options_type = Options
    path_keys = ("notes",)

    def learn(self, series: Series, task: TrainingTask) -> Profiles:
        options = Options.model_validate(task.settings.options)
        means = [
            series.values[task.labels == number].mean(axis=0) for number in np.unique(task.labels)
        ]
        return Profiles(np.stack(means), np.array([options.power], np.float32))

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> Profiles:
        return Profiles(**arrays)


PROFILE = NearestProfile()
