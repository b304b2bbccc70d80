"""Seven spectral indices and the tasselled cap of one season, in one pass over the bands.

Bounds. Atmospheric correction leaves some reflectances slightly below zero; a ratio of such values
means nothing and can be of any size, so in ratios they count as zero:

- normalised difference (a - b) / (a + b) of max(a, 0) and max(b, 0): within [-1, 1], 0 where both
  are 0;
- RRI max(B, 0) / max(N, 0): within [0, 10], 1 where both are 0 (equal, as for the differences);
- EVI 2.5 (N - R) / (N + 6 R - 7.5 B + 1): clipped to [-1, 1]; where the denominator falls to zero
  or below (bright, blue clouds and snow) it is the limit from above, the sign of N - R.

A feature is NaN where any band it uses is NaN. Infinite reflectance is a defect of the input and
gives NaN or a bound.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from minecover.features.catalogue import S2_BANDS
from minecover.features.kernel import (
    FloatArray,
    check_choice,
    check_layers,
    check_threads,
    compiled,
    in_strips,
    read_only,
)
from minecover.features.tasselled_cap import tasselled_cap

__all__ = ["NDRI_FORMULAS", "SpectralIndices"]

NDRI_FORMULAS = ("zhang2014", "swir1_green")
"""zhang2014: (S2 - N) / (S2 + N); swir1_green: (S1 - G) / (S1 + G), which is -NDWI."""

IntArray = npt.NDArray[np.int64]

_BLOCK = 512
_INDEX_BANDS = np.array([0, 1, 2, 3, 8, 9])
_ZERO, _ONE, _RRI_MAX = np.float32(0.0), np.float32(1.0), np.float32(10.0)
_EVI_FLOOR = np.float32(1e-6)
_GAIN, _RED, _BLUE = np.float32(2.5), np.float32(6.0), np.float32(7.5)


@dataclass(frozen=True)
class SpectralIndices:
    """NDVI, EVI, NDWI, LSWI, NDBI, RRI, NDRI and brightness, greenness, wetness.

    Parameters
    ----------
    ndri
        One of `NDRI_FORMULAS`.
    tasselled_cap
        A set of `minecover.features.tasselled_cap.TASSELLED_CAPS`.
    threads
        Threads of one call; leave it at 1 inside Dask or Ray workers. It changes no value and is
        no part of the configuration (equality, hash).

    Raises
    ------
    SurveyError
        For an unknown choice.
    """

    ndri: str = "zhang2014"
    tasselled_cap: str = "shi2019"
    threads: int = field(default=1, compare=False)

    name = "spectral_indices"
    inputs = S2_BANDS
    outputs = (
        *("NDVI", "EVI", "NDWI", "LSWI", "NDBI", "RRI", "NDRI"),
        *("brightness", "greenness", "wetness"),
    )
    units = ("1",) * 10
    halo = 0

    def __post_init__(self) -> None:
        check_choice("ndri", self.ndri, NDRI_FORMULAS)
        tasselled_cap(self.tasselled_cap)
        check_threads(self.name, self.threads)

    def __call__(self, layers: FloatArray) -> FloatArray:
        """Compute the ten features: ``(10, y, x)`` reflectance 0-1 in, ``(10, y, x)`` out.

        Raises
        ------
        DataError
            If `layers` is not float32 of that shape, or is empty.
        """
        ny, nx = check_layers(self, layers)
        out = np.empty((len(self.outputs), ny, nx), np.float32)
        cap = tasselled_cap(self.tasselled_cap)
        columns = np.array([S2_BANDS.index(band) for band in cap.bands])
        weights = cap.matrix(cap.bands)
        ndri = _ndri_bands(self.ndri)
        bands = read_only(layers)

        def strip(start: int, stop: int) -> None:
            _rows(bands, out, columns, weights, ndri[0], ndri[1], start, stop)

        in_strips(ny, self.threads, strip)
        return out


def _ndri_bands(formula: str) -> tuple[int, int]:
    pair = ("B12", "B08") if formula == "zhang2014" else ("B11", "B03")
    return S2_BANDS.index(pair[0]), S2_BANDS.index(pair[1])


@compiled
def _difference(a: np.float32, b: np.float32) -> np.float32:
    # "<=" turns a negative zero into zero; NaN passes through.
    a = _ZERO if a <= _ZERO else a
    b = _ZERO if b <= _ZERO else b
    total = a + b
    return _ZERO if total == _ZERO else (a - b) / total


@compiled
def _ratio(a: np.float32, b: np.float32) -> np.float32:
    a = _ZERO if a <= _ZERO else a
    b = _ZERO if b <= _ZERO else b
    value = a / b
    value = _RRI_MAX if value > _RRI_MAX else value
    return _ONE if (a == _ZERO) & (b == _ZERO) else value


@compiled
def _evi(nir: np.float32, red: np.float32, blue: np.float32) -> np.float32:
    below = nir + _RED * red - _BLUE * blue + _ONE
    below = _EVI_FLOOR if below < _EVI_FLOOR else below
    value = _GAIN * (nir - red) / below
    value = _ONE if value > _ONE else value
    return -_ONE if value < -_ONE else value


@compiled
def _indices(bands: FloatArray, out: FloatArray, high: int, low: int, n: int) -> None:
    blue, green, red, nir, swir1 = bands[0], bands[1], bands[2], bands[3], bands[8]
    for x in range(n):
        out[0, x] = _difference(nir[x], red[x])
        out[1, x] = _evi(nir[x], red[x], blue[x])
        out[2, x] = _difference(green[x], swir1[x])
    for x in range(n):
        out[3, x] = _difference(nir[x], swir1[x])
        out[4, x] = _difference(swir1[x], nir[x])
    for x in range(n):
        out[5, x] = _ratio(blue[x], nir[x])
        out[6, x] = _difference(bands[high, x], bands[low, x])


@compiled
def _components(
    bands: FloatArray, out: FloatArray, columns: IntArray, weights: FloatArray, n: int
) -> None:
    for component in range(3):
        row = out[7 + component]
        row[:n] = _ZERO
        for k in range(columns.size):
            weight, band = weights[component, k], bands[columns[k]]
            for x in range(n):
                row[x] += weight * band[x]


@compiled
def _rows(
    layers: FloatArray,
    out: FloatArray,
    columns: IntArray,
    weights: FloatArray,
    high: int,
    low: int,
    start: int,
    stop: int,
) -> None:
    # A block of columns of all bands and features stays in the first-level cache.
    bands = np.empty((10, _BLOCK), np.float32)
    features = np.empty((10, _BLOCK), np.float32)
    used = np.unique(np.append(columns, _INDEX_BANDS))
    nx = layers.shape[2]
    for y in range(start, stop):
        for left in range(0, nx, _BLOCK):
            n = min(_BLOCK, nx - left)
            for k in used:
                band, source = bands[k], layers[k, y, left : left + n]
                for x in range(n):
                    band[x] = source[x]
            _indices(bands, features, high, low, n)
            _components(bands, features, columns, weights, n)
            for k in range(10):
                feature, target = features[k], out[k, y, left : left + n]
                for x in range(n):
                    target[x] = feature[x]
