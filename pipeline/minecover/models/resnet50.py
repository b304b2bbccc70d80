"""ResNet-50, the network that Liu et al. 2025 (10.6046/zrzyyg.2024080) propose.

The network itself, its training and its reading are in `minecover.models.network`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minecover.models.network.architecture import Architecture, kernel_sizes
from minecover.models.network_kind import NetworkKind
from minecover.models.settings import ModelSettings
from minecover.models.task import TrainingTask

__all__ = ["RESNET50", "ResNet50Kind"]


class ResNet50Kind(NetworkKind):
    """The network of the paper; see `NetworkKind`."""

    name = "resnet50"
    label = "ResNet50"
    reads = "patches"
    published_accuracy = 0.9536

    def shape(self, task: TrainingTask) -> Architecture:
        """See `NetworkKind.shape`."""
        return self.planned_shape(task.settings, len(task.data.layers), len(task.data.classes))

    def planned_shape(self, settings: ModelSettings, layers: int, classes: int) -> Architecture:
        """See `NetworkKind.planned_shape`."""
        kernels = kernel_sizes(settings.window)
        return Architecture(layers, classes, kernels, settings.width, settings.dropout)

    def shape_of(self, description: dict[str, Any]) -> Architecture:
        """See `NetworkKind.shape_of`."""
        layers, classes = len(description["layers"]), len(description["classes"])
        return Architecture.from_json(layers, classes, description)

    def check(self, settings: ModelSettings, classes: int) -> Iterator[str]:
        """See `ModelKind.check`: say what is taken of starting weights and what is not."""
        if settings.starting_weights is None:
            return
        from minecover.models.network.starting import starting_weights

        # how many layers there will be is not known yet, and any number fits
        shape = self.planned_shape(settings, 1, classes)
        start = starting_weights(settings.starting_weights, shape)
        left_out = ", ".join(start.left_out)
        yield (
            f"starting weights: {len(start.weights)} tensors taken, not taken: {left_out or 'none'}"
        )


RESNET50 = ResNet50Kind()
