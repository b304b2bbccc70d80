"""A network that reads all periods of a block together, as torch computes it.

One encoder gives every period a code; a period is judged by its own code, those of the periods
before and after it, and the mean of all. So it reads any number of periods. What is seen of a pixel
are its neighbours and nothing else of the block: values are normed over the channels of each pixel
(Ba et al. 2016, arXiv:1607.06450, as Liu et al. 2022, arXiv:2201.03545, have it in convolutions),
and a block may be cut anywhere. Blocks have their norms before their convolutions (He et al. 2016,
arXiv:1603.05027).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.functional import gelu, layer_norm

from minecover.models.network.period_shape import DILATIONS, PeriodShape

__all__ = ["PeriodNetwork", "period_network_of"]


class PixelNorm(nn.Module):
    """Norms the channels of each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, channel, y, x) to the same."""
        last = x.permute(0, 2, 3, 1)
        return layer_norm(last, self.weight.shape, self.weight, self.bias).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Two convolutions of 3 x 3 with a shortcut; the first may look further."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(PixelNorm(channels) for _ in range(2))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=step, dilation=step) for step in (dilation, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, channel, y, x) to the same."""
        code = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            code = convolution(gelu(norm(code)))
        return x + code


class PeriodNetwork(nn.Module):
    """An encoder of each period, and a judge of each with those around it."""

    def __init__(self, shape: PeriodShape) -> None:
        super().__init__()
        channels, (encoding, judging) = shape.channels, DILATIONS
        self.encoder = nn.Sequential(
            nn.Conv2d(shape.layers, channels, 3, padding=1),
            *(Block(channels, dilation) for dilation in encoding),
        )
        self.judge = nn.Sequential(
            nn.Conv2d(4 * channels, channels, 1),
            *(Block(channels, dilation) for dilation in judging),
            nn.Conv2d(channels, shape.classes, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Standardised (period, layer, y, x) to (period, class, y, x) scores.

        Those of the outermost pixels, as far as the halo reaches, are of less than they should see.
        """
        if self.training:
            codes = self.encoder(x)
        else:  # one by one, whose values are more than any processor's cache holds
            codes = torch.cat([self.encoder(period[None]) for period in x])
        none, mean = torch.zeros_like(codes[:1]), codes.mean(dim=0, keepdim=True)
        before, after = torch.cat([none, codes[:-1]]), torch.cat([codes[1:], none])
        parts = (codes, before, after, mean.expand_as(codes))
        if self.training:
            scores: torch.Tensor = self.judge(torch.cat(parts, dim=1))
            return scores
        each = zip(*parts, strict=True)
        return torch.cat([self.judge(torch.cat(part)[None]) for part in each])


def period_network_of(shape: PeriodShape, weights: Mapping[str, torch.Tensor]) -> PeriodNetwork:
    """Build a network for reading; it takes no memory beyond that of the weights.

    Raises
    ------
    RuntimeError
        The weights are those of another.
    """
    with torch.device("meta"):
        network = PeriodNetwork(shape)
    network.load_state_dict(dict(weights), assign=True)
    return network.eval().requires_grad_(requires_grad=False)
