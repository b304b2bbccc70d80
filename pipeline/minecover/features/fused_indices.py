"""The paper's seven spectral indices and the tasselled cap of one season, in one pass.

The indices are those of `minecover.features.indices`, to the last bit. A feature is NaN where any
band it uses is NaN. Infinite reflectance is a defect of the input and gives NaN or a bound.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from minecover.arrays import Float32Array, Int64Array
from minecover.engines.compiled import check_threads, compiled, in_strips
from minecover.errors import DataError
from minecover.features._streams import copy_past_caches, finish_stores
from minecover.features.indices import EVI_FLOOR, NDRI_FORMULAS, PAPER_BANDS
from minecover.features.kernel import check_choice, check_layers
from minecover.features.tasselled_cap import tasselled_cap

__all__ = ["FusedIndices"]

_Bands: TypeAlias = tuple[
    Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array
]  # blue, green, red, nir, swir1, swir2

_BLOCK = 2048
_INDEX_BANDS = np.array([0, 1, 2, 3, 8, 9])
_ZERO, _ONE, _RRI_MAX = np.float32(0.0), np.float32(1.0), np.float32(10.0)
_GAIN, _RED, _BLUE = np.float32(2.5), np.float32(6.0), np.float32(7.5)


@dataclass(frozen=True)
class FusedIndices:
    """NDVI, EVI, NDWI, LSWI, NDBI, RRI, NDRI and brightness, greenness, wetness.

    Parameters
    ----------
    ndri
        One of `minecover.features.indices.NDRI_FORMULAS`.
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
    inputs = PAPER_BANDS
    outputs = (
        *("NDVI", "EVI", "NDWI", "LSWI", "NDBI", "RRI", "NDRI"),
        *("brightness", "greenness", "wetness"),
    )
    units = ("1",) * 10
    halo = 0

    def __post_init__(self) -> None:
        check_choice("ndri", self.ndri, tuple(NDRI_FORMULAS))
        tasselled_cap(self.tasselled_cap)
        check_threads(self.name, self.threads)

    def __call__(self, layers: Float32Array) -> Float32Array:
        """Compute the ten features: ``(10, y, x)`` reflectance 0-1 in, ``(10, y, x)`` out.

        Raises
        ------
        DataError
            If `layers` is not float32 of that shape, or is empty.
        """
        out = np.empty((len(self.outputs), *check_layers(self, layers)), np.float32)
        self.into(layers, out)
        return out

    def into(self, layers: Float32Array, out: Float32Array) -> None:
        """Compute the ten features into memory at hand.

        Memory fresh from the system costs as much again as the features themselves: it is cleared
        page by page when it is first written to.

        Parameters
        ----------
        layers
            ``(10, y, x)`` float32 reflectance 0-1.
        out
            ``(10, y, x)`` float32, contiguous, written to.

        Raises
        ------
        DataError
            If `layers` or `out` is not of that kind, or is empty.
        """
        ny, nx = check_layers(self, layers)
        if out.shape != (10, ny, nx) or out.dtype != np.float32 or not out.flags.c_contiguous:
            raise DataError(
                f"{self.name}: output is {out.dtype} {out.shape}; "
                f"give contiguous float32 of (10, {ny}, {nx})"
            )
        flat, layer_step, row_step = _flat(layers)
        weights, others = _cap_weights(self.tasselled_cap)
        high, low = _ndri_bands(self.ndri)
        rows = out.reshape(10, -1)

        def strip(start: int, stop: int) -> None:
            _rows(
                flat, layer_step, row_step, nx, rows, weights, others, high, low, start, stop
            )  # fmt: skip

        in_strips(ny, self.threads, strip)


def _flat(layers: Float32Array) -> tuple[Float32Array, int, int]:
    """Return all memory behind layers as one row, and the steps between layers and rows in it.

    The compiler vectorises what it knows to be contiguous; cut-outs of larger layers are, row by
    row. Layers of other strides are copied.
    """
    steps = layers.strides
    if steps[2] != 4 or min(steps) < 0 or any(step % 4 for step in steps):
        layers = np.ascontiguousarray(layers)
    layer_step, row_step = (step // 4 for step in layers.strides[:2])
    last = [size - 1 for size in layers.shape]
    size = last[0] * layer_step + last[1] * row_step + last[2] + 1
    flat = np.lib.stride_tricks.as_strided(layers, (size,), (4,), writeable=False)
    return flat, layer_step, row_step


def _cap_weights(name: str) -> tuple[Float32Array, Int64Array]:
    """Coefficients of all ten bands, and which bands only this tasselled cap uses."""
    cap = tasselled_cap(name)
    used = [PAPER_BANDS.index(band) for band in cap.bands]
    return cap.matrix(PAPER_BANDS), np.setdiff1d(used, _INDEX_BANDS)


def _ndri_bands(formula: str) -> tuple[int, int]:
    high, low = NDRI_FORMULAS[formula].bands
    return PAPER_BANDS.index(high), PAPER_BANDS.index(low)


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
    below = EVI_FLOOR if below < EVI_FLOOR else below
    value = _GAIN * (nir - red) / below
    value = _ONE if value > _ONE else value
    return -_ONE if value < -_ONE else value


@compiled
def _indices(bands: _Bands, high: Float32Array, low: Float32Array, out: Float32Array) -> None:
    blue, green, red, nir, swir1, _ = bands
    ndvi, evi, ndwi, lswi, ndbi, rri, ndri = (
        out[0], out[1], out[2], out[3], out[4], out[5], out[6],
    )  # fmt: skip
    # Few arrays a loop: the compiler checks that none of them overlap.
    for x in range(blue.size):
        ndvi[x] = _difference(nir[x], red[x])
        evi[x] = _evi(nir[x], red[x], blue[x])
        ndwi[x] = _difference(green[x], swir1[x])
    for x in range(blue.size):
        moisture = _difference(nir[x], swir1[x])
        lswi[x] = moisture
        ndbi[x] = _ZERO - moisture
        rri[x] = _ratio(blue[x], nir[x])
        ndri[x] = _difference(high[x], low[x])


@compiled
def _component(bands: _Bands, weights: Float32Array, row: Float32Array) -> None:
    b0, b1, b2, b3, b4, b5 = bands
    w0, w1, w2, w3, w4, w5 = weights[0], weights[1], weights[2], weights[3], weights[8], weights[9]
    for x in range(b0.size):
        visible = (w0 * b0[x] + w1 * b1[x]) + w2 * b2[x]
        row[x] = visible + ((w3 * b3[x] + w4 * b4[x]) + w5 * b5[x])


@compiled
def _rows(
    flat: Float32Array,
    layer_step: int,
    row_step: int,
    nx: int,
    out: Float32Array,
    weights: Float32Array,
    others: Int64Array,
    high: int,
    low: int,
    start: int,
    stop: int,
) -> None:
    features = np.empty((10, _BLOCK), np.float32)
    joined = row_step == nx  # rows that follow each other in memory are one long row
    length = (stop - start) * nx if joined else nx
    for y in range(start, start + 1 if joined else stop):
        for left in range(0, length, _BLOCK):
            n = min(_BLOCK, length - left)
            first, to = y * row_step + left, y * nx + left
            bands = (
                _cut(flat, first, n), _cut(flat, first + layer_step, n),
                _cut(flat, first + 2 * layer_step, n), _cut(flat, first + 3 * layer_step, n),
                _cut(flat, first + 8 * layer_step, n), _cut(flat, first + 9 * layer_step, n),
            )  # fmt: skip
            above = _cut(flat, first + high * layer_step, n)
            below = _cut(flat, first + low * layer_step, n)
            _indices(bands, above, below, features)
            for c in range(3):
                row = features[7 + c]
                _component(bands, weights[c], row)
                for k in others:
                    _add(weights[c, k], _cut(flat, first + k * layer_step, n), row)
            for k in range(10):
                copy_past_caches(features[k, :n], out[k, to : to + n])
    finish_stores()


@compiled
def _cut(flat: Float32Array, start: int, n: int) -> Float32Array:
    return flat[start : start + n]


@compiled
def _add(weight: np.float32, band: Float32Array, row: Float32Array) -> None:
    for x in range(band.size):
        row[x] += weight * band[x]
