"""A spectral index: bare soil."""

from __future__ import annotations

from minecover.arrays import Float32Array
from minecover.features.spectral_index import SpectralIndex

__all__ = ["BSI"]


def _bare_soil(
    swir: Float32Array, red: Float32Array, nir: Float32Array, blue: Float32Array
) -> Float32Array:
    return ((swir + red) - (nir + blue)) / ((swir + red) + (nir + blue))


BSI = SpectralIndex(
    "BSI",
    ("B11", "B04", "B08", "B02"),
    "((S1 + R) - (N + B)) / ((S1 + R) + (N + B)), Rikimaru et al. 2002",
    _bare_soil,
)
