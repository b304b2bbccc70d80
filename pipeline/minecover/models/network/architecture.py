"""The shape of ResNet-50: how many blocks, how wide, and which kernels.

The network is that of He et al. 2016 (doi:10.1109/CVPR.2016.90): bottleneck blocks in stages of
3, 4, 6 and 3, with 64, 128, 256 and 512 channels inside and four times as many between them. For
small neighbourhoods its stem is one 3 x 3 convolution without pooling. Nothing has a stride or a
padding, so a network that sees w x w pixels gives one pixel on a patch of w x w and, run once over
a tile, the same numbers at every pixel of it for a small part of the work.

The window sets how many of the 17 convolutions (stem and one a block) are 3 x 3; the others are
1 x 1, as in the BagNets of Brendel & Bethge 2019 (arXiv:1904.00760). Window 35 has them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, Self

from minecover.errors import SurveyError

__all__ = ["EXPANSION", "STAGES", "Architecture", "Shape", "kernel_sizes"]

STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
"""Blocks and inner channels of each stage (He et al. 2016, Table 1, 50-layer)."""

EXPANSION = 4
"""Channels between blocks, as a multiple of those inside."""


def kernel_sizes(window: int) -> tuple[int, ...]:
    """Edge of the kernel of the stem and of each of the 16 blocks.

    The 3 x 3 kernels come first: channels are fewest there, and a patch has shrunk to one pixel
    before the wide stages, which makes training cheapest.

    Parameters
    ----------
    window
        Edge of the neighbourhood in pixels, odd, 1 to 35.

    Raises
    ------
    SurveyError
        The window is even or outside that range.
    """
    count = 1 + sum(blocks for blocks, _ in STAGES)
    wide, rest = divmod(window - 1, 2)
    if rest or not 0 <= wide <= count:
        raise SurveyError(f"model.window: {window} is not an odd number up to {2 * count + 1}")
    return (3,) * wide + (1,) * (count - wide)


class Shape(Protocol):
    """What determines the shape of every weight of a network, whichever it is."""

    @property
    def halo(self) -> int:
        """Half the neighbourhood in pixels."""

    @property
    def widest(self) -> int:
        """Numbers that a pixel takes where the network is widest."""

    @property
    def weights(self) -> float:
        """Weights of all convolutions."""

    def products(self, edge: int) -> tuple[float, float]:
        """Multiplications over a patch of an edge, and those of one pixel of a large block."""

    def to_json(self) -> dict[str, Any]:
        """As a JSON value, without what the layers and classes tell."""


@dataclass(frozen=True)
class Architecture:
    """What determines the shape of every weight.

    Attributes
    ----------
    layers, classes
        Number of input layers and of classes.
    kernels
        Edge of the kernel of the stem and the 16 blocks, 1 or 3.
    width
        Channels, as a share of ResNet-50's, rounded to multiples of 8.
    dropout
        Share of the last features dropped in training.
    """

    layers: int
    classes: int
    kernels: tuple[int, ...]
    width: float = 1.0
    dropout: float = 0.2

    @property
    def halo(self) -> int:
        """Half the neighbourhood in pixels."""
        return sum(kernel // 2 for kernel in self.kernels)

    def channels(self, full: int) -> int:
        """Channels where ResNet-50 has `full`."""
        return max(8, round(full * self.width / 8) * 8)

    @property
    def widest(self) -> int:
        """See `Shape.widest`: the input of a block, its output and what lies between."""
        return 3 * EXPANSION * self.channels(STAGES[-1][1])

    @property
    def weights(self) -> float:
        """See `Shape.weights`."""
        return self.products(2 * self.halo + 1)[1]

    def products(self, edge: int) -> tuple[float, float]:
        """See `Shape.products`: over a large block every weight is used once a pixel.

        `edge`: at least the window, of which one pixel is left.
        """
        kernels, channels = iter(self.kernels), self.channels(STAGES[0][1])
        kernel = next(kernels)
        edge -= kernel - 1
        weights = float(self.layers * channels * kernel**2)
        multiplied = edge**2 * weights
        for count, full in STAGES:
            inner = self.channels(full)
            for _ in range(count):
                before, kernel = edge**2, next(kernels)
                edge -= kernel - 1
                shortcut = channels * EXPANSION * inner * (channels != EXPANSION * inner)
                after = inner * inner * (kernel**2 + EXPANSION) + shortcut
                multiplied += before * channels * inner + edge**2 * after
                weights += channels * inner + after
                channels = EXPANSION * inner
        return multiplied + edge**2 * channels * self.classes, weights + channels * self.classes

    def to_json(self) -> dict[str, Any]:
        """See `Shape.to_json`."""
        return {"kernels": list(self.kernels), "width": self.width, "dropout": self.dropout}

    @classmethod
    def from_json(cls, layers: int, classes: int, value: dict[str, Any]) -> Self:
        """From what `to_json` gave."""
        return cls(layers, classes, tuple(value["kernels"]), value["width"], value["dropout"])
