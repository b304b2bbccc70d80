"""The seven spectral indices of Liu et al. 2025 (doi:10.6046/zrzyyg.2024080), Table 2.

Atmospheric correction leaves some reflectances slightly below zero; a ratio of such values means
nothing and can be of any size, so in ratios they count as zero:

- normalised difference (a - b) / (a + b) of max(a, 0) and max(b, 0): within [-1, 1], 0 where both
  are 0;
- RRI max(B, 0) / max(N, 0): within [0, 10], 1 where both are 0 (equal, as for the differences);
- EVI 2.5 (N - R) / (N + 6 R - 7.5 B + 1): clipped to [-1, 1]; where the denominator falls to zero
  or below (bright, blue clouds and snow) it is the limit from above, the sign of N - R.

In formulas B, G, R, N, S1 and S2 are reflectance in B02, B03, B04, B08, B11 and B12. Where all ten
bands of the paper are at hand, `minecover.features.fused_indices` computes the same values in one
pass, together with the tasselled cap.
"""

from __future__ import annotations

import numpy as np

from minecover.arrays import Float32Array
from minecover.features.spectral_index import SpectralIndex

__all__ = [
    *("EVI", "LSWI", "NDBI", "NDRI", "NDRI_FORMULAS", "NDVI", "NDWI", "RRI"),
    *("EVI_FLOOR", "PAPER_BANDS"),
]

PAPER_BANDS = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12")
"""Sentinel-2 bands as layers of the cube are called, in the order of the paper."""

EVI_FLOOR = np.float32(1e-6)
"""Least denominator of EVI."""


def _difference(a: Float32Array, b: Float32Array) -> Float32Array:
    a, b = _not_negative(a), _not_negative(b)
    total = a + b
    out: Float32Array = np.divide(a - b, total, out=np.zeros_like(total), where=total != 0)
    return out


def _ratio(a: Float32Array, b: Float32Array) -> Float32Array:
    a, b = _not_negative(a), _not_negative(b)
    return np.where((a == 0) & (b == 0), np.float32(1.0), a / b)


def _enhanced(nir: Float32Array, red: Float32Array, blue: Float32Array) -> Float32Array:
    below = np.maximum(nir + 6.0 * red - 7.5 * blue + 1.0, EVI_FLOOR)
    index: Float32Array = 2.5 * (nir - red) / below
    return index


def _not_negative(band: Float32Array) -> Float32Array:
    return np.where(band <= 0, np.float32(0.0), band)


NDVI = SpectralIndex("NDVI", ("B08", "B04"), "(N - R) / (N + R)", _difference, code=11)

EVI = SpectralIndex(
    "EVI",
    ("B08", "B04", "B02"),
    "2.5 (N - R) / (N + 6 R - 7.5 B + 1), bounded to -1..1",
    _enhanced,
    code=12,
)

NDWI = SpectralIndex("NDWI", ("B03", "B11"), "(G - S1) / (G + S1), Xu 2006", _difference, code=13)

LSWI = SpectralIndex("LSWI", ("B08", "B11"), "(N - S1) / (N + S1)", _difference, code=14)

NDBI = SpectralIndex(
    "NDBI",
    ("B11", "B08"),
    "(S1 - N) / (S1 + N), which is -LSWI",
    _difference,
    code=15,
)

RRI = SpectralIndex(
    "RRI",
    ("B02", "B08"),
    "B / N, Wu et al. 2006 (as cited, not verified), bounded to 0..10",
    _ratio,
    (0.0, 10.0),
    code=16,
)

NDRI = SpectralIndex(
    "NDRI",
    ("B12", "B08"),
    "(S2 - N) / (S2 + N), Zhang & Gan 2014 (as cited, not verified)",
    _difference,
    code=17,
)

NDRI_FORMULAS = {
    "zhang2014": NDRI,
    "swir1_green": SpectralIndex(
        "NDRI", ("B11", "B03"), "(S1 - G) / (S1 + G), which is -NDWI", _difference, code=17
    ),
}
"""NDRI by the survey's choice in `features.ndri`."""
