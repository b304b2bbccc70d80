"""The season network as torch computes it."""

from __future__ import annotations

import torch
from torch import nn

from minecover.models.network.layers import ConvNorm, Drawing, Dropout, Network
from minecover.models.network.season_shape import HEADS, SeasonShape

__all__ = ["SeasonNetwork"]


class Jitter(Drawing):
    """Changes every feature of a sample by a factor and an offset in training.

    Haze, the sun's height and another year change whole neighbourhoods so.
    """

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, season, feature, y, x) standardised, to the same."""
        if not self.training or self.deviation == 0:
            return x
        drawn = x.new_empty(2, *x.shape[:3], 1, 1).normal_(generator=self.generator)
        drawn.mul_(self.deviation)
        return x * (1 + drawn[0]) + drawn[1]


class Hidden(Drawing):
    """Hides seasons in training, never all of a sample's."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, seasons: torch.Tensor) -> torch.Tensor:
        """(n, season, ...) to (n, season): whether each is seen."""
        if not self.training or self.share == 0:
            return seasons.new_ones(seasons.shape[:2], dtype=torch.bool)
        drawn = seasons.new_empty(seasons.shape[:2]).uniform_(generator=self.generator)
        seen: torch.Tensor = (drawn >= self.share) | (drawn == drawn.amax(dim=1, keepdim=True))
        return seen


class SeasonEncoder(nn.Module):
    """A 1 x 1 convolution, and one 3 x 3 with a shortcut for each two pixels of the window."""

    def __init__(self, features: int, channels: int, window: int) -> None:
        super().__init__()
        self.stem = ConvNorm(features, channels)
        self.blocks = nn.ModuleList(ConvNorm(channels, channels, 3) for _ in range(window // 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, feature, y, x) to (n, channel, y - window + 1, x - window + 1)."""
        code: torch.Tensor = self.stem(x)
        for block in self.blocks:
            code = code[:, :, 1:-1, 1:-1] + block(code)
        return code


class SeasonNetwork(Network):
    """One encoder for all seasons, attention over them, and two 1 x 1 layers."""

    def __init__(self, shape: SeasonShape) -> None:
        super().__init__()
        self.order = [layer for season in shape.order for layer in season]
        self.seasons = len(shape.order)
        channels = shape.channels
        self.jitter = Jitter(shape.jitter)
        self.encoder = SeasonEncoder(len(shape.order[0]), channels, shape.window)
        self.place = nn.Parameter(torch.zeros(self.seasons, channels, 1, 1))
        self.attention = nn.Conv2d(channels, HEADS, 1)
        self.hidden = Hidden(shape.hidden)
        self.judge = ConvNorm((self.seasons + 1) * channels, 2 * channels)
        self.dropout = Dropout(shape.dropout)
        self.classifier = nn.Conv2d(2 * channels, shape.classes, 1)
        self._initialise()

    def _initialise(self) -> None:
        if self.classifier.weight.is_meta:
            return  # as for ResNet50
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        for layer in (self.attention, self.classifier):
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Network`."""
        n, _, height, width = x.shape
        padded = torch.cat([x, x.new_zeros(n, 1, height, width)], dim=1)
        seasons = padded[:, self.order].reshape(n, self.seasons, -1, height, width)
        codes = self.encoder(self.jitter(seasons).flatten(0, 1)).unflatten(0, (n, self.seasons))
        codes = codes + self.place
        scores = self.attention(codes.flatten(0, 1)).unflatten(0, (n, self.seasons))
        if self.training:
            unseen = ~self.hidden(codes)[:, :, None, None, None]
            scores, codes = scores.masked_fill(unseen, -torch.inf), codes.masked_fill(unseen, 0)
        parts = codes.reshape(n, self.seasons, HEADS, -1, *codes.shape[3:])
        mean = (parts * scores.softmax(dim=1)[:, :, :, None]).sum(dim=1).flatten(1, 2)
        judged = self.dropout(self.judge(torch.cat([mean, codes.flatten(1, 2)], dim=1)))
        found: torch.Tensor = self.classifier(judged)
        return found
