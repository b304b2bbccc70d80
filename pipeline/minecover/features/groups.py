"""Which kernel computes which features of a survey, and from which layers of its cube."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from minecover.features.catalogue import ELEVATION, FeatureCatalogue
from minecover.features.fused_indices import FusedIndices
from minecover.features.indices import PAPER_BANDS
from minecover.features.kernel import Kernel
from minecover.features.partial_indices import PartialIndices
from minecover.features.terrain import Terrain
from minecover.features.texture import Texture

__all__ = ["KernelGroup", "kernel_groups"]


@dataclass(frozen=True)
class KernelGroup:
    """Features that one call of a kernel computes.

    Attributes
    ----------
    kernel
        Its inputs are layers of the cube, its outputs features, both without their seasons.
    seasonal
        Whether it is called once a season, or once.
    continues_edge
        Whether the outermost pixels of the grid are repeated outwards for it, so that features
        have a value up to the edge.
    """

    kernel: Kernel
    seasonal: bool
    continues_edge: bool = False


def kernel_groups(
    catalogue: FeatureCatalogue, resolution: float, texture_range: tuple[float, float]
) -> tuple[KernelGroup, ...]:
    """Put together what computes the features of a survey.

    Parameters
    ----------
    catalogue
        Of the survey.
    resolution
        Edge of a pixel in metres.
    texture_range
        Low and high end of the range over which texture is quantised.
    """
    settings, cube = catalogue.settings, {layer.name: layer for layer in catalogue.cube}

    def group(kernel: Kernel, *, continues_edge: bool = False) -> KernelGroup:
        seasonal = any(cube[name].seasonal for name in kernel.inputs)
        return KernelGroup(kernel, seasonal, continues_edge)

    fused = _fused(FusedIndices(settings.ndri, settings.tasselled_cap), cube)
    others = [index for index in catalogue.indices if index.name not in fused.outputs]
    texture = Texture(
        *texture_range,
        window=settings.texture_window,
        levels=settings.texture_levels,
        band=settings.texture_band,
    )
    groups = [*([group(fused)] if fused.outputs else ()), *map(group, others), group(texture)]
    if ELEVATION in cube:
        groups.append(group(Terrain((resolution, resolution)), continues_edge=True))
    return tuple(groups)


def _fused(whole: FusedIndices, cube: Collection[str]) -> FusedIndices | PartialIndices:
    """Give what computes the indices of the paper from the bands that there are."""
    there = tuple(band for band in PAPER_BANDS if band in cube)
    return whole if there == PAPER_BANDS else PartialIndices(whole, there)
