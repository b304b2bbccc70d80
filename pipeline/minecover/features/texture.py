"""Grey-level co-occurrence texture (Haralick et al. 1973) of one band.

Values are those of scikit-image's ``graycomatrix`` (symmetric, normed) and ``graycoprops`` on each
window by itself: both pixels of a pair lie inside the window, a feature is computed for each
direction and then averaged, logarithms are natural and correlation is 1 on flat windows.

No matrix is built. Contrast, Idm and Corr follow from integer sums over the pairs of a window;
Asm and Ent from the number of times each pair occurs (`minecover.features._texture_counts`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from minecover.arrays import Float32Array
from minecover.engines.compiled import check_threads, in_strips, read_only
from minecover.errors import DataError, SurveyError
from minecover.features._texture_block import grey_levels, texture_block
from minecover.features._texture_counts import LevelArray, change_of_sums, empty_counts
from minecover.features.kernel import check_choice, check_layers

__all__ = ["TEXTURE_FEATURES", "Texture", "quantise"]

TEXTURE_FEATURES = ("GLCM_ASM", "GLCM_ENT", "GLCM_CONTRAST", "GLCM_IDM", "GLCM_CORR")

_ANGLES = (0, 45, 90, 135)
_UNITS = ("1", "nat", "level^2", "1", "1")
_BLOCK = 128
_ROWS = 256


@dataclass(frozen=True)
class Texture:
    """Asm, Ent, Contrast, Idm and Corr of grey-level pairs in a moving window.

    A pair counts only if both its pixels have data. A direction without any such pair is left out
    of the mean; a window without any pair, or with nodata at its centre, is NaN.

    Parameters
    ----------
    low, high
        Range of the band that is divided into `levels` equal steps; values outside take the first
        or last level. Fix it once for the whole survey, else values differ between tiles.
    window
        Side of the window in pixels, odd, 3-15.
    levels
        Number of grey levels, 8-64.
    distance
        Distance of the pixels of a pair, 1 to ``window - 1``. As in scikit-image, diagonal
        offsets are rounded: distances 1 and 2 are both one pixel down and one across.
    band
        Name of the input layer.
    directions
        ``"mean"``: five features, means of 0, 45, 90 and 135 degrees; ``"each"``: twenty, with
        names like ``GLCM_ASM_45``.
    threads
        Threads of one call; leave it at 1 inside Dask or Ray workers. It changes no value and is
        no part of the configuration (equality, hash).

    Raises
    ------
    SurveyError
        For a value out of range.
    """

    low: float
    high: float
    window: int = 5
    levels: int = 32
    distance: int = 1
    band: str = "B08"
    directions: str = "mean"
    threads: int = field(default=1, compare=False)

    name = "texture"

    def __post_init__(self) -> None:
        _check_integer("window", self.window, 3, 15, "an odd number of pixels")
        if self.window % 2 == 0:
            raise SurveyError(f"texture: window is {self.window}; give an odd number of pixels")
        _check_integer("levels", self.levels, 8, 64, "grey levels")
        _check_integer("distance", self.distance, 1, self.window - 1, "pixels")
        _check_range(self.low, self.high)
        check_choice("texture: directions", self.directions, ("mean", "each"))
        check_threads(self.name, self.threads)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one band."""
        return (self.band,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Five features, or each of them for each direction."""
        if self.directions == "mean":
            return TEXTURE_FEATURES
        return tuple(f"{name}_{angle}" for name in TEXTURE_FEATURES for angle in _ANGLES)

    @property
    def units(self) -> tuple[str, ...]:
        """Pure numbers; nat for Ent, squared levels for Contrast."""
        repeat = 1 if self.directions == "mean" else len(_ANGLES)
        return tuple(unit for unit in _UNITS for _ in range(repeat))

    @property
    def halo(self) -> int:
        """Half the window."""
        return self.window // 2

    @property
    def offsets(self) -> tuple[tuple[int, int], ...]:
        """Rows down and columns right from one pixel of a pair to the other, per direction."""
        return tuple(
            (
                round(math.sin(math.radians(angle)) * self.distance),
                round(math.cos(math.radians(angle)) * self.distance),
            )
            for angle in _ANGLES
        )

    def __call__(self, layers: Float32Array) -> Float32Array:
        """Compute texture: ``(1, ny + 2 halo, nx + 2 halo)`` in, ``(5 or 20, ny, nx)`` out.

        Raises
        ------
        DataError
            If `layers` is not float32 of that shape.
        """
        ny, nx = check_layers(self, layers)
        out = np.empty((len(self.outputs), ny, nx), np.float32)
        band = read_only(layers[0])
        reach = self.window - 1
        scale = self.levels / (self.high - self.low)
        offsets = np.array(self.offsets, np.int64)
        empty, change = empty_counts(self.levels), change_of_sums()

        # Not one for each strip: large blocks go back to the system when they are freed, and all
        # threads wait while it takes the pages away.
        buffers = [_Buffers(self.window) for _ in range(self.threads)]

        def strip(start: int, stop: int) -> None:
            own = buffers.pop()
            for top in range(start, stop, _ROWS):
                high = min(_ROWS, stop - top) + reach
                for left in range(0, nx, _BLOCK):
                    wide = min(_BLOCK, nx - left) + reach
                    levels = grey_levels(band, top, left, high, wide, self.low, scale, self.levels)
                    texture_block(
                        levels, out, top, left, offsets, empty, change, self.window,
                        own.codes, own.sums,
                    )  # fmt: skip
            buffers.append(own)

        in_strips(ny, self.threads, strip)
        return out


class _Buffers:
    """Memory that a thread uses again for each block of windows."""

    def __init__(self, window: int) -> None:
        codes = (_ROWS + 2 * window - 1) * (_BLOCK + window - 1)
        self.codes = np.empty(codes, np.uint64)
        self.sums = np.empty(_ROWS * 4 * _BLOCK, np.int64)


def quantise(values: Float32Array, low: float, high: float, levels: int) -> LevelArray:
    """Grey levels of a band: ``floor((value - low) / (high - low) * levels)`` within the range.

    Parameters
    ----------
    values
        ``(y, x)`` float32, NaN for nodata.
    low, high, levels
        As for `Texture`.

    Returns
    -------
    ndarray
        ``(y, x)`` uint8, 0 to ``levels - 1``, 255 for nodata.

    Raises
    ------
    SurveyError
        If the range or the number of levels is out of bounds.
    DataError
        If `values` is not a float32 array of two dimensions.
    """
    _check_range(low, high)
    _check_integer("levels", levels, 8, 64, "grey levels")
    if values.dtype != np.float32 or values.ndim != 2:
        raise DataError(f"quantise: input is {values.dtype} {values.shape}; give (y, x) float32")
    ny, nx = values.shape
    return grey_levels(read_only(values), 0, 0, ny, nx, low, levels / (high - low), levels)


def _check_integer(what: str, value: int, low: int, high: int, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SurveyError(f"texture: {what} is {value!r}; give {low} to {high}, {unit}")


def _check_range(low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise SurveyError(f"texture: range is {low} to {high}; give two finite values, low first")
