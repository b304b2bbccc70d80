"""A network that reads blocks with all their periods together, and how it learns from crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import cross_entropy, gelu

from benchmarks.forest_readings import Values
from minecover.demo.materials import Land

__all__ = ["Crop", "Learned", "Scale", "learned", "read", "turned"]

Number = TypeVar("Number", bound=np.generic)

RATE, DECAY, WARM = 2e-3, 1e-2, 0.03  # highest of the schedule, weight decay, share of warming up


class Block(nn.Module):
    """Two convolutions of 3 x 3 with a shortcut."""

    def __init__(self, channels: int, apart: int = 1) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(8, channels) for _ in range(2))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=step, dilation=step) for step in (apart, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, channel, y, x) to the same."""
        code = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            code = convolution(gelu(norm(code)))
        return x + code


class Reader(nn.Module):
    """One encoder for all periods; a period is judged by it, those beside it, and their mean.

    A pixel is judged by 13 on either side, and by means and deviations of the block.
    """

    def __init__(self, layers: int, channels: int) -> None:
        super().__init__()
        first = nn.Conv2d(layers, channels, 3, padding=1)
        self.encoder = nn.Sequential(first, Block(channels), Block(channels, 2))
        last = nn.Conv2d(channels, len(Land), 1)
        self.judge = nn.Sequential(
            nn.Conv2d(4 * channels, channels, 1), Block(channels), Block(channels, 4), last
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(period, layer, y, x) to (period, class, y, x) scores."""
        codes = self.encoder(x)
        none = torch.zeros_like(codes[:1])
        before, after = torch.cat([none, codes[:-1]]), torch.cat([codes[1:], none])
        mean = codes.mean(dim=0, keepdim=True).expand_as(codes)
        scores: torch.Tensor = self.judge(torch.cat([codes, before, after, mean], dim=1))
        return scores


class Scale(NamedTuple):
    """By what layers are standardised, (layer, 1, 1)."""

    mean: Values
    deviation: Values

    @classmethod
    def of(cls, districts: Sequence[Values]) -> Scale:
        """Of districts of one size, (period, layer, y, x)."""
        mean, square = (
            np.mean([(own.astype(np.float64) ** power).mean((0, 2, 3)) for own in districts], 0)
            for power in (1, 2)
        )
        deviation = np.sqrt(np.maximum(square - mean**2, 0)) + 1e-6
        parts = (part.astype(np.float32)[:, None, None] for part in (mean, deviation))
        return cls(*parts)

    def __call__(self, layers: Values) -> Values:
        """Standardise."""
        return (layers - self.mean) / self.deviation


class Crop(NamedTuple):
    """What a step learns from.

    Attributes
    ----------
    layers
        (period, layer, y, x), standardised.
    places
        (period, y, x) places of the classes.
    weights
        (period, y, x) of the pixels.
    """

    layers: Values
    places: npt.NDArray[np.int64]
    weights: Values


class Learned(NamedTuple):
    """A reader, and by what its layers are standardised."""

    reader: Reader
    scale: Scale


def learned(
    draw: Callable[[np.random.Generator], Crop],
    scale: Scale,
    channels: int,
    steps: int,
    smoothing: float = 0.0,
) -> Learned:
    """Learn from crops that are drawn, turned and mirrored.

    Parameters
    ----------
    draw
        Draws a crop.
    scale
        Of its layers.
    channels, steps, smoothing
        Of the network, of the training, and of the labels.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    reader = Reader(len(scale.mean), channels)
    optimiser = torch.optim.AdamW(reader.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=WARM)
    for _ in range(steps):
        crop, turn, mirrored = draw(rng), int(rng.integers(4)), bool(rng.random() < 0.5)
        layers, places, weights = (
            torch.from_numpy(turned(part, turn, mirrored=mirrored)) for part in crop
        )
        each = cross_entropy(reader(layers), places, reduction="none", label_smoothing=smoothing)
        loss = (each * weights).sum() / weights.sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return Learned(reader.eval(), scale)


@torch.no_grad()
def read(model: Learned, layers: Values) -> Values:
    """Probabilities, (period, class, y, x): the mean of the eight symmetries of the square."""
    given, total = model.scale(layers), np.zeros(1, dtype=np.float32)
    for turn in range(4):
        for mirrored in (False, True):
            scores = model.reader(torch.from_numpy(turned(given, turn, mirrored=mirrored)))
            shares = scores.softmax(dim=1).numpy()
            back = shares[..., ::-1] if mirrored else shares
            total = total + np.rot90(back, -turn, (-2, -1))
    return np.asarray(total / 8, dtype=np.float32)


def turned(values: npt.NDArray[Number], turn: int, *, mirrored: bool) -> npt.NDArray[Number]:
    """Turn the last two axes by quarters, then mirror them."""
    out = np.rot90(values, turn, (-2, -1))
    return np.ascontiguousarray(out[..., ::-1] if mirrored else out)
