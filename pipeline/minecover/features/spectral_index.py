"""What a spectral index is: a formula of bands, computed pixel by pixel.

An index of another package is one `SpectralIndex` in one file and one line of its
`pyproject.toml`, an entry point of the group that `minecover.registry` shows. Within a process,
``INDICES.register("BSI", BSI)`` does the same. A survey then names it in `features.indices`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minecover.arrays import Float32Array
from minecover.errors import SurveyError
from minecover.features.kernel import check_layers

__all__ = ["SpectralIndex"]


@dataclass(frozen=True)
class SpectralIndex:
    """An index of one season; a `Kernel` without a halo.

    Attributes
    ----------
    name
        Of the feature: letters, digits and underscores.
    bands
        Names of the layers of the cube that it is computed from, as `B08`.
    formula
        How it is computed, and where that comes from.
    compute
        Takes the bands in their order, float32 of one shape, and gives the index in that shape.
        A pixel's value depends on that pixel alone. The bands are not written to, and what it
        gives where one of them is NaN does not matter.
    bounds
        Values beyond them take the nearer one.
    unit
        ``"1"`` for a pure number.
    code
        Number in Table 2 of Liu et al. 2025 (10.6046/zrzyyg.2024080); None: not of it.

    Raises
    ------
    SurveyError
        A name that makes no layer, no band or one twice, or bounds that are none.

    Examples
    --------
    >>> wetness = SpectralIndex("NDMI", ("B08", "B11"), "(N - S1) / (N + S1)",
    ...                         lambda nir, swir: (nir - swir) / (nir + swir))
    >>> wetness(np.array([[[0.3, 0.0]], [[0.1, 0.0]]], np.float32))
    array([[[0.5, nan]]], dtype=float32)
    """

    name: str
    bands: tuple[str, ...]
    formula: str
    compute: Callable[..., Float32Array]
    bounds: tuple[float, float] = (-1.0, 1.0)
    unit: str = "1"
    code: int | None = None

    halo: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z]\w*", self.name, re.ASCII):
            self._refuse("a name is letters, digits and underscores, a letter first")
        if not self.bands or len(set(self.bands)) < len(self.bands):
            self._refuse(f"bands are {self.bands}; give each that it is computed from once")
        low, high = self.bounds
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            self._refuse(f"bounds are {low} to {high}; give two finite values, low first")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The bands."""
        return self.bands

    @property
    def outputs(self) -> tuple[str, ...]:
        """The index alone."""
        return (self.name,)

    @property
    def units(self) -> tuple[str, ...]:
        """Its unit."""
        return (self.unit,)

    def __call__(self, layers: Float32Array) -> Float32Array:
        """Compute the index: ``(band, y, x)`` in, ``(1, y, x)`` out, NaN where a band is.

        Raises
        ------
        DataError
            If `layers` is not float32 of that shape, or is empty.
        SurveyError
            `compute` gives something else than an index.
        """
        shape = check_layers(self, layers)
        bands = layers.view()
        bands.flags.writeable = False
        with np.errstate(all="ignore"):
            values = np.asarray(self.compute(*bands))
        if values.shape != shape or not np.issubdtype(values.dtype, np.floating):
            self._refuse(
                f"compute gives {values.dtype} of shape {values.shape} for bands of shape {shape}; "
                "it must give float32 of theirs"
            )
        index = np.clip(values, *self.bounds).astype(np.float32, copy=False)
        index[np.isnan(bands).any(axis=0)] = np.nan
        return index[np.newaxis]

    def check(self) -> None:
        """Compute a small image at once, by rows and by pixels, and compare.

        Raises
        ------
        SurveyError
            `compute` fails or gives something else than an index, or a pixel's value depends on
            others.
        """
        rng = np.random.default_rng(0)
        bands = rng.uniform(-0.05, 0.7, (len(self.bands), 5, 37)).astype(np.float32)
        bands[:, 0, :2], bands[0, 1, 1] = 0.0, np.nan
        try:
            whole = self(bands)
        except SurveyError:
            raise
        except Exception as error:  # of another package's code
            raise SurveyError(
                f"spectral index {self.name!r}: compute fails on {len(bands)} bands: {error}"
            ) from error
        rows = [self(bands[:, y : y + 1]) for y in range(bands.shape[1])]
        pixels = [self(bands[:, 2:3, x : x + 1]) for x in range(bands.shape[2])]
        if not (
            np.array_equal(np.concatenate(rows, axis=1), whole, equal_nan=True)
            and np.array_equal(np.concatenate(pixels, axis=2), whole[:, 2:3], equal_nan=True)
        ):
            self._refuse(
                "compute gives a pixel another value in another part of the image; "
                "compute each pixel from its own bands alone"
            )

    def _refuse(self, why: str) -> None:
        raise SurveyError(f"spectral index {self.name!r}: {why}")
