"""A spectral index of another package, and a registry that forgets it after a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from minecover.arrays import Float32Array
from minecover.features.registry import INDICES
from minecover.features.spectral_index import SpectralIndex


def bare_soil(
    blue: Float32Array, red: Float32Array, nir: Float32Array, swir: Float32Array
) -> Float32Array:
    return ((swir + red) - (nir + blue)) / ((swir + red) + (nir + blue))


BSI = SpectralIndex(
    "BSI",
    ("B02", "B04", "B08", "B11"),
    "((S1 + R) - (N + B)) / ((S1 + R) + (N + B)), Rikimaru et al. 2002",
    bare_soil,
)


@contextmanager
def registered(*indices: SpectralIndex) -> Iterator[None]:
    """Register indices for as long as this lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(INDICES, "_added", dict(INDICES._added))
        patch.setattr(INDICES, "_known", dict(INDICES._known))
        for index in indices:
            INDICES.register(index.name, index)
        yield
