"""Networks of a shape: as they are trained and, folded, as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch

from minecover.models.network.architecture import Architecture, Shape
from minecover.models.network.layers import Network, ResNet50
from minecover.models.network.season_shape import SeasonShape
from minecover.models.network.seasons import SeasonNetwork

__all__ = ["Precision", "for_reading", "network_of"]

Precision = Literal["float32", "bfloat16"]


def network_of(shape: Shape) -> Network:
    """Draw the first weights of a network from torch's generator."""
    if isinstance(shape, SeasonShape):
        return SeasonNetwork(shape)
    assert isinstance(shape, Architecture)  # there are two
    return ResNet50(shape)


def for_reading(shape: Shape, weights: Mapping[str, torch.Tensor], precision: Precision) -> Network:
    """Build a network for prediction: batch norm folded, channels last, in one precision."""
    with torch.device("meta"):
        network = network_of(shape)
    network = network.to_empty(device="cpu")
    network.load_state_dict(dict(weights))
    network.eval().requires_grad_(requires_grad=False)
    for module in network.conv_norms():
        module.fold()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.to(getattr(torch, precision))
    return network
