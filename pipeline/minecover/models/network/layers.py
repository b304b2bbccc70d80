"""ResNet-50 as torch computes it, and what networks are made of."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import linear

from minecover.models.network.architecture import EXPANSION, STAGES, Architecture

__all__ = ["ConvNorm", "Drawing", "Dropout", "Network", "ResNet50"]

STRIP_BYTES = 2**12
"""Of one channel of a strip. What the channels of a whole block take leaves the cache of a CPU, and
goes back to the system and is asked for again at every convolution."""


class ConvNorm(nn.Module):
    """A convolution without padding, batch norm, and ReLU where wanted."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, *, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.relu = relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, y, x) to (n, outputs, y - kernel + 1, x - kernel + 1)."""
        out: torch.Tensor = self.norm(self._convolved(x))
        return out.relu_() if self.relu else out

    def _convolved(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[2] == x.shape[3] == self.conv.kernel_size[0] == 1:
            # patches that have shrunk to one pixel: a matrix product, 2 to 4 times faster so
            product = linear(x.flatten(1), self.conv.weight.flatten(1), self.conv.bias)
            return product[:, :, None, None]
        convolved: torch.Tensor = self.conv(x)
        return convolved

    def fold(self) -> None:
        """Let the convolution do what the batch norm does in evaluation."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = nn.utils.fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = nn.Identity()


class Bottleneck(nn.Module):
    """1 x 1 to the inner channels, the kernel, 1 x 1 back, and the shortcut around them.

    Where the kernel is 3 x 3 the shortcut loses the same pixel on every side.
    """

    def __init__(self, inputs: int, inner: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.reduce = ConvNorm(inputs, inner)
        self.spatial = ConvNorm(inner, inner, kernel)
        self.expand = ConvNorm(inner, outputs, relu=False)
        self.shortcut = None if inputs == outputs else ConvNorm(inputs, outputs, relu=False)
        self.margin = kernel // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, y, x) to (n, outputs, y - 2 margin, x - 2 margin)."""
        inner = self.expand(self.spatial(self.reduce(x)))
        if self.margin:
            x = x[:, :, self.margin : -self.margin, self.margin : -self.margin]
        if self.shortcut is not None:
            x = self.shortcut(x)
        joined: torch.Tensor = inner.add_(x).relu_()
        return joined


class Drawing(nn.Module):
    """What draws in training, from a generator of its own: trainings side by side share none."""

    generator: torch.Generator | None = None

    def seed(self, seed: int, device: str) -> None:
        """Begin the sequence of a seed."""
        self.generator = torch.Generator(device)
        self.generator.manual_seed(seed)


class Dropout(Drawing):
    """Drops a share of the values in training."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drop a share of the values in training, and enlarge the others."""
        if not self.training or self.share == 0:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.share, generator=self.generator)
        return x * kept.div_(1 - self.share)


class Network(nn.Module):
    """A network without stride and padding, over any number of layers.

    It gives scores (n, class, y, x) for standardised (n, layer, y + 2 halo, x + 2 halo).
    """

    def seed(self, seed: int, device: str) -> None:
        """Begin the sequences of all that is drawn in training."""
        drawing = (module for module in self.modules() if isinstance(module, Drawing))
        for number, module in enumerate(drawing):
            module.seed(seed + number, device)

    def conv_norms(self) -> Iterator[ConvNorm]:
        """Every convolution with its batch norm."""
        return (module for module in self.modules() if isinstance(module, ConvNorm))


class ResNet50(Network):
    """Stem, 16 bottleneck blocks and a 1 x 1 classifier, over any number of layers."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.wide = sum(kernel > 1 for kernel in architecture.kernels[1:])  # blocks, the first ones
        width, kernels = architecture.channels(STAGES[0][1]), iter(architecture.kernels)
        self.stem = ConvNorm(architecture.layers, width, next(kernels))
        self.blocks = nn.Sequential()
        for count, full in STAGES:
            inner = architecture.channels(full)
            for _ in range(count):
                self.blocks.append(Bottleneck(width, inner, EXPANSION * inner, next(kernels)))
                width = EXPANSION * inner
        self.dropout = Dropout(architecture.dropout)
        self.classifier = nn.Conv2d(width, architecture.classes, 1)
        self._initialise()

    def _initialise(self) -> None:
        if self.classifier.weight.is_meta:
            return  # torch would import its compiler, in a second and more, to draw nothing
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for block in self.blocks:
            # every block starts as its shortcut (Goyal et al. 2017, arXiv:1706.02677, 5.1)
            assert isinstance(block, Bottleneck)
            assert isinstance(block.expand.norm, nn.BatchNorm2d)
            nn.init.zeros_(block.expand.norm.weight)
        nn.init.normal_(self.classifier.weight, std=0.01)
        assert self.classifier.bias is not None
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Standardised (n, layer, y + 2 halo, x + 2 halo) to scores (n, class, y, x)."""
        seen: torch.Tensor = self.blocks[: self.wide](self.stem(x))
        if self.training or seen.device.type != "cpu":
            return self._scores(seen)
        # from here on no pixel sees another: a block is read strip by strip
        rows = max(1, STRIP_BYTES // (seen.element_size() * seen.shape[3]))
        strips = (seen[:, :, top : top + rows] for top in range(0, seen.shape[2], rows))
        return torch.cat([self._scores(strip) for strip in strips], dim=2)

    def _scores(self, seen: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.classifier(self.dropout(self.blocks[self.wide :](seen)))
        return scores
