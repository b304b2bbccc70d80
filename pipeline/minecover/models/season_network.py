"""A network that reads the seasons of a neighbourhood as a series.

The network itself is in `minecover.models.network.seasons`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from minecover.models.network.season_shape import SeasonShape
from minecover.models.network.work import pretraining_products
from minecover.models.network_kind import NetworkKind
from minecover.models.pretraining import PretrainingTask
from minecover.models.series import SeriesLayout
from minecover.models.settings import ModelSettings
from minecover.models.task import History, TrainingTask
from minecover.settings import Section

__all__ = ["SEASON_NETWORK", "SeasonNetworkKind"]


class SeasonOptions(Section):
    """What is drawn in training, so that other places and years are less strange."""

    jitter: float = Field(
        0.1, ge=0, description="deviation of factors and offsets of each feature, in deviations"
    )
    hidden: float = Field(0.1, ge=0, lt=1, description="share of the seasons that are hidden")


class SeasonNetworkKind(NetworkKind):
    """Small convolutions for each season, attention over the seasons; see `NetworkKind`."""

    name = "seasons"
    label = "season network"
    reads = "series"
    options_type = SeasonOptions
    pretrains = True

    def shape(self, task: TrainingTask) -> SeasonShape:
        """See `NetworkKind.shape`."""
        return self._shape(task.settings, task.data.series, len(task.data.classes))

    def _shape(
        self, settings: ModelSettings, series: SeriesLayout | None, classes: int
    ) -> SeasonShape:
        assert series is not None  # every kind that reads series is given the layout
        options = SeasonOptions.model_validate(settings.options)
        return SeasonShape(
            series,
            classes,
            settings.window,
            settings.width,
            settings.dropout,
            options.jitter,
            options.hidden,
        )

    def pretrain(self, task: PretrainingTask) -> tuple[bytes, History]:
        """See `ModelKind.pretrain`: it learns to tell seasons and features that are hidden."""
        from minecover.models.network.pretraining import pretrain

        return pretrain(task, self._shape(task.settings, task.inputs.series, 0))

    def pretraining_units(self, settings: ModelSettings, layers: int) -> float:
        """See `ModelKind.pretraining_units`: what the network multiplies."""
        assert settings.pretraining is not None  # asked of a survey that pre-trains
        shape = self.planned_shape(settings, layers, layers)
        return settings.pretraining.steps * pretraining_products(shape)

    def check(self, settings: ModelSettings, classes: int) -> Iterator[str]:
        """See `ModelKind.check`: say what starting weights were made of."""
        if settings.starting_weights is None:
            return
        from minecover.models.network.season_start import checked_description

        path = settings.starting_weights
        yield f"starting weights: {checked_description(path, settings.window, settings.width)}"

    def shape_of(self, description: dict[str, Any]) -> SeasonShape:
        """See `NetworkKind.shape_of`."""
        return SeasonShape.from_json(len(description["classes"]), description)

    def planned_shape(self, settings: ModelSettings, layers: int, classes: int) -> SeasonShape:
        """See `NetworkKind.planned_shape`.

        Layers are taken for four seasons of as many features, as the paper has.
        """
        features = range(-(-layers // 4))
        places = tuple((season, str(number)) for season in "1234" for number in features)
        series = SeriesLayout(places, tuple("1234"))
        return SeasonShape(series, classes, settings.window, settings.width)


SEASON_NETWORK = SeasonNetworkKind()
