"""Indices and tasselled cap of data that lacks bands: those that need none of the missing ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minecover.arrays import Float32Array
from minecover.features.fused_indices import FusedIndices
from minecover.features.indices import NDRI_FORMULAS, PAPER_BANDS
from minecover.features.kernel import check_layers
from minecover.features.registry import INDICES
from minecover.features.tasselled_cap import tasselled_cap

__all__ = ["PartialIndices"]


@dataclass(frozen=True)
class PartialIndices:
    """The features of `FusedIndices` that some bands suffice for, the same numbers bit for bit.

    Attributes
    ----------
    fused
        Computes them, from all bands.
    inputs
        Bands that are there, some of `PAPER_BANDS` in any order.
    """

    fused: FusedIndices
    inputs: tuple[str, ...]

    name = "spectral_indices"
    halo = 0

    @property
    def outputs(self) -> tuple[str, ...]:
        """Features whose bands are all there."""
        there = set(self.inputs)
        return tuple(name for name in self.fused.outputs if there.issuperset(self._bands_of(name)))

    @property
    def units(self) -> tuple[str, ...]:
        """Of each of them."""
        return ("1",) * len(self.outputs)

    def __call__(self, layers: Float32Array) -> Float32Array:
        """Compute them: ``(band, y, x)`` reflectance 0-1 in, ``(feature, y, x)`` out.

        Raises
        ------
        DataError
            If `layers` is not float32 of that shape, or is empty.
        """
        complete = np.full((len(PAPER_BANDS), *check_layers(self, layers)), np.nan, np.float32)
        complete[[PAPER_BANDS.index(band) for band in self.inputs]] = layers
        places = [self.fused.outputs.index(name) for name in self.outputs]
        return self.fused(complete)[places]

    def _bands_of(self, name: str) -> tuple[str, ...]:
        if name == "NDRI":
            return NDRI_FORMULAS[self.fused.ndri].bands
        own = INDICES.own_names()
        return INDICES[name].bands if name in own else tasselled_cap(self.fused.tasselled_cap).bands
