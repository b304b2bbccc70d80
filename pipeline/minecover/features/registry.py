"""The spectral indices that a survey may choose from in `features.indices`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minecover.registry import Registry

if TYPE_CHECKING:
    from minecover.features.spectral_index import SpectralIndex

__all__ = ["INDICES"]

INDICES: Registry[SpectralIndex] = Registry(
    "spectral index",
    "minecover.indices",
    "minecover.features.spectral_index:SpectralIndex",
    {
        name: f"minecover.features.indices:{name}"
        for name in ("NDVI", "EVI", "NDWI", "LSWI", "NDBI", "RRI", "NDRI")
    },
)
"""Those of Liu et al. 2025 in the order of its Table 2; those of other packages follow."""
