"""The shape of the network that reads all periods together, and what it multiplies."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DILATIONS", "READ_EDGE", "PeriodShape"]

DILATIONS = ((1, 2), (1, 4))
"""Of the first convolution of each block: those of the encoder, and those of the judge."""

READ_EDGE = 128
"""Edge in pixels of what is read at once."""


@dataclass(frozen=True)
class PeriodShape:
    """What determines the shape of every weight.

    Attributes
    ----------
    layers, classes
        Number of layers of a period, and of classes.
    channels
        Of the convolutions.
    """

    layers: int
    classes: int
    channels: int

    @property
    def halo(self) -> int:
        """Pixels on every side that a pixel is judged by."""
        return 1 + sum(dilation + 1 for blocks in DILATIONS for dilation in blocks)

    @property
    def weights(self) -> float:
        """Weights of all convolutions, each of which is multiplied once a pixel and period."""
        kernels = 9.0 * self.channels**2
        blocks = 2 * sum(map(len, DILATIONS)) * kernels
        ends = 9 * self.layers + 4 * self.channels + self.classes
        return blocks + ends * self.channels

    @property
    def reading_products(self) -> float:
        """Multiplications for a pixel of one period, with its share of what lies around blocks."""
        return self.weights * (1 + 2 * self.halo / READ_EDGE) ** 2
