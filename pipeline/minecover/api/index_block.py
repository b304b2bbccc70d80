"""Spectral indices and the tasselled cap of whichever bands are there, by the kernels of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from minecover.arrays import Float32Array
from minecover.errors import DataError, SurveyError
from minecover.features.catalogue import chosen_index
from minecover.features.fused_indices import FusedIndices
from minecover.features.indices import PAPER_BANDS
from minecover.features.kernel import Kernel
from minecover.features.spectral_index import SpectralIndex
from minecover.features.tasselled_cap import TasselledCap, tasselled_cap

__all__ = ["IndexBlock"]

_STRIP = 1 << 15
"""Pixels computed at a time: their bands and features stay in the caches."""

_SAMPLED = 16  # every so many rows and columns are looked at
_BRIGHTEST = 10.0  # half of an image is never as bright, in reflectance


@dataclass(frozen=True)
class IndexBlock:
    """Computes chosen features pixel by pixel.

    Those of the paper are computed by `FusedIndices`, other indices by themselves, as in a run.

    Attributes
    ----------
    names
        Of the features, in their order.
    fused
        What computes those of the paper.
    indices
        The spectral indices among the features; the others are of the tasselled cap.
    bands
        What the blocks hold, in their order.
    """

    names: tuple[str, ...]
    fused: FusedIndices
    indices: tuple[SpectralIndex, ...]
    bands: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Sequence[str], ndri: str, cap: str) -> IndexBlock:
        """Look up features by their names.

        Raises
        ------
        SurveyError
            One is none or named twice, or a choice is unknown.
        """
        twice = sorted({name for name in names if list(names).count(name) > 1})
        if twice or not names:
            raise SurveyError(f"names has {', '.join(twice) or 'none'}; give each feature once")
        fused = FusedIndices(ndri, cap)
        others = [name for name in names if name not in _CAP_FEATURES]
        return cls(tuple(names), fused, tuple(chosen_index(name, ndri) for name in others))

    @property
    def needed(self) -> dict[str, str]:
        """Bands that they are computed from, each with the first feature that needs it."""
        wanted = {index.name: index.bands for index in self.indices}
        wanted |= {name: self._cap.bands for name in self.names if name not in wanted}
        return {band: name for name in reversed(self.names) for band in wanted[name]}

    @property
    def units(self) -> dict[str, str]:
        """Unit of each feature."""
        units = {index.name: index.unit for index in self.indices}
        return {name: units.get(name, "1") for name in self.names}

    @property
    def _cap(self) -> TasselledCap:
        return tasselled_cap(self.fused.tasselled_cap)

    @cached_property
    def _kernels(self) -> tuple[Kernel, ...]:
        others = [index for index in self.indices if index.name not in self.fused.outputs]
        fused = (self.fused,) if len(others) < len(self.names) else ()
        return (*fused, *others)

    def __call__(self, block: Float32Array) -> Float32Array:
        """Compute the features: (band, y, x) in, (feature, y, x) out.

        Raises
        ------
        DataError
            The bands hold digital numbers.
        """
        _check_reflectance(block, self.bands)
        first = self._kernels[0]
        if (first.inputs, first.outputs) == (self.bands, self.names):
            return first(block)
        out = np.empty((len(self.names), *block.shape[1:]), np.float32)
        for kernel in self._kernels:
            places = {name: self.names.index(name) for name in kernel.outputs if name in self.names}
            for rows, layers in self._strips(kernel.inputs, block):
                for name, layer in zip(kernel.outputs, kernel(layers), strict=True):
                    if name in places:
                        out[places[name], rows] = layer
        return out

    def _strips(
        self, inputs: Sequence[str], block: Float32Array
    ) -> Iterator[tuple[slice, Float32Array]]:
        """Give the bands of a kernel, strip by strip; NaN for those that no feature here needs."""
        height, width = block.shape[1:]
        step = max(1, _STRIP // width)
        room = np.full((len(inputs), min(step, height), width), np.nan, np.float32)
        for top in range(0, height, step):
            strip = block[:, top : top + step]
            layers = strip if inputs == self.bands else room[:, : strip.shape[1]]
            for layer, band in zip(layers, inputs, strict=True) if layers is not strip else ():
                if band in self.bands:
                    layer[...] = strip[self.bands.index(band)]
            yield slice(top, top + step), layers


_CAP_FEATURES = FusedIndices.outputs[-3:]


def _check_reflectance(block: Float32Array, bands: Sequence[str]) -> None:
    """Refuse digital numbers by a few pixels of the block; 0 is what fills gaps between them."""
    optical = [place for place, band in enumerate(bands) if band in PAPER_BANDS]
    sample = block[optical, ::_SAMPLED, ::_SAMPLED]
    known = sample[np.isfinite(sample) & (sample != 0)]
    if known.size and (middle := float(np.median(known))) > _BRIGHTEST:
        raise DataError(
            f"mc.indices: bands hold values about {middle:,.0f}, digital numbers it seems; give "
            "reflectance of 0 to 1: for most products bands / 10000, for Sentinel-2 from baseline "
            "04.00 on (bands - 1000) / 10000"
        )
