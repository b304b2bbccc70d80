"""A network that reads the seasons of a neighbourhood as a series.

The network itself is in `minecover.models.network.seasons`.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from minecover.models.network.season_shape import SeasonShape
from minecover.models.network.work import BLOCK_EDGE, of_reading, of_training
from minecover.models.network_kind import NetworkKind
from minecover.models.series import SeriesLayout
from minecover.models.settings import ModelSettings
from minecover.models.task import TrainingTask
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

    def window(self, settings: ModelSettings) -> int:
        """See `ModelKind.window`."""
        return settings.window

    def shape(self, task: TrainingTask) -> SeasonShape:
        """See `NetworkKind.shape`."""
        settings, data = task.settings, task.data
        assert data.series is not None  # every kind that reads series is given the layout
        options = SeasonOptions.model_validate(settings.options)
        return SeasonShape(
            data.series,
            len(data.classes),
            settings.window,
            settings.width,
            settings.dropout,
            options.jitter,
            options.hidden,
        )

    def shape_of(self, description: dict[str, Any]) -> SeasonShape:
        """See `NetworkKind.shape_of`."""
        return SeasonShape.from_json(len(description["classes"]), description)

    def training_units(
        self, settings: ModelSettings, layers: int, classes: int, epochs: int
    ) -> float:
        """See `ModelKind.training_units`: what the network multiplies."""
        shape = _planned(settings, layers, classes)
        patch, _ = shape.products(settings.window)
        return epochs * of_training(settings, patch, shape.weights)

    def reading_units(self, settings: ModelSettings, layers: int, classes: int) -> float:
        """See `ModelKind.reading_units`: what the network multiplies."""
        patch, once = _planned(settings, layers, classes).products(settings.window)
        return of_reading(settings, patch, once)

    def reading_memory(self, settings: ModelSettings, layers: int, classes: int) -> float:
        """See `ModelKind.reading_memory`."""
        shape = _planned(settings, layers, classes)
        pixels = (BLOCK_EDGE["cpu"] + 2 * shape.halo) ** 2
        return 4 * (settings.members * shape.weights + pixels * (shape.widest + 2 * layers)) / 2**20


def _planned(settings: ModelSettings, layers: int, classes: int) -> SeasonShape:
    """Give the shape that is planned for: of the layers is known how many there are.

    They are taken for four seasons of as many features, as the paper has.
    """
    places = tuple((season, str(number)) for season in "1234" for number in range(-(-layers // 4)))
    return SeasonShape(
        SeriesLayout(places, tuple("1234")), classes, settings.window, settings.width
    )


SEASON_NETWORK = SeasonNetworkKind()
