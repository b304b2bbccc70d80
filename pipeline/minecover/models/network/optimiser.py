"""How weights are moved: AdamW, a rate that rises and falls, and their moving average."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from minecover.models.network.layers import Network

__all__ = ["Rates", "adamw", "averaged", "learning_rate"]

WARM_UP = 0.15
"""Share of all steps in which the learning rate rises."""

AVERAGED_EPOCHS = 1.5
"""Epochs that the moving average of the weights reaches back."""


class Rates(Protocol):
    """Settings of a training."""

    @property
    def learning_rate(self) -> float:
        """The highest of the schedule."""

    @property
    def weight_decay(self) -> float:
        """Of AdamW."""


def learning_rate(settings: Rates, done: float) -> float:
    """Rise linearly over the warm-up, then fall as a cosine to a hundredth.

    Parameters
    ----------
    settings
        Gives the highest rate.
    done
        Share of all steps done, 0-1.
    """
    if done < WARM_UP:
        return settings.learning_rate * (0.05 + 0.95 * done / WARM_UP)
    fall = (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2
    return settings.learning_rate * (0.01 + 0.99 * fall)


def adamw(network: nn.Module, settings: Rates) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101); only kernels decay, as is usual."""
    kernels = [item for item in network.parameters() if item.ndim > 1]
    others = [item for item in network.parameters() if item.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": kernels, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        fused=True,
    )


def averaged(network: Network, steps: int) -> AveragedModel:
    """Follow the weights by a moving average, which is what is validated and kept.

    From one epoch to the next the weights themselves swing by more than the epochs teach
    (Polyak & Juditsky 1992, doi:10.1137/0330046).
    """
    decay = 1.0 - 1.0 / (1.0 + AVERAGED_EPOCHS * steps)
    follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=follow, use_buffers=True)
