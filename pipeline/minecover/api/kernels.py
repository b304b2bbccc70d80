"""The kernels of a run on DataArrays: indices, texture, terrain and composites.

Each takes an image of any leading dims and keeps its coordinates, CRS and attributes; a DataArray
on Dask is computed lazily, block by block with the halo. Values are a run's, bit for bit: nodata
lies beyond the edge of the array as beyond a run's grid. Infinite values are nodata, as NaN is.
Which dtypes they take and what else counts as nodata: `minecover.api.images`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import xarray as xr

from minecover.api.arguments import about, number, strings
from minecover.api.blocks import BlockKernel
from minecover.api.images import as_image, check_data_array, derived, with_features
from minecover.api.index_block import IndexBlock
from minecover.api.pixels import pixel_edges, range_of_levels
from minecover.arrays import Float32Array
from minecover.errors import DataError, SurveyError
from minecover.features.indices import PAPER_BANDS
from minecover.features.kernel import Kernel, check_choice
from minecover.features.registry import INDICES
from minecover.features.terrain import Terrain
from minecover.features.texture import Texture
from minecover.sources.composite import geometric_median, median_composite

__all__ = ["composite", "indices", "terrain", "texture"]


def indices(
    bands: xr.DataArray,
    names: Sequence[str] = INDICES.own_names(),
    *,
    ndri: str = "zhang2014",
    tasselled_cap: str = "shi2019",
) -> xr.DataArray:
    """Compute spectral indices and the tasselled cap.

    Parameters
    ----------
    bands
        Surface reflectance 0-1 of dims (…, band, y, x), NaN for nodata; the coordinate `band` holds
        names as ``"B02"``. Only the bands that are needed must be there, and only they are read.
    names
        Spectral indices, of other packages too, and ``"brightness"``, ``"greenness"``,
        ``"wetness"``.
    ndri, tasselled_cap
        Formulas as in a survey's `features`.

    Returns
    -------
    float32 (…, feature, y, x) with the coordinates `feature` and `units`, in the order of `names`;
    NaN where a band that a feature is computed from is.

    Raises
    ------
    SurveyError
        A name or a formula is unknown.
    DataError
        `bands` is no such image, lacks a band, or holds digital numbers.

    Examples
    --------
    >>> bands = xr.DataArray(np.float32([[[0.25]], [[0.75]]]), dims=("band", "y", "x"),
    ...                      coords={"band": ["B04", "B08"]})
    >>> indices(bands, ["NDVI"]).item()
    0.5
    """
    with about("mc.indices"):
        block = IndexBlock.of(strings("names", names), ndri, tasselled_cap)
        _check_no_digital_numbers(check_data_array(bands, "bands"))
        image = as_image(bands, "bands", "band")
        image = _chosen_bands(image, block.needed)
        block = replace(block, bands=tuple(map(str, image["band"].values)))
        kernel = BlockKernel("indices", block, inner=1, outer=(len(block.names),))
        return with_features(image, kernel, block.units, "band")


def texture(
    band: xr.DataArray,
    window: int = 5,
    *,
    value_range: tuple[float, float] | None = None,
    percentiles: tuple[float, float] = (1.0, 99.0),
    levels: int = 32,
    distance: int = 1,
    directions: str = "mean",
) -> xr.DataArray:
    """Compute Asm, Ent, Contrast, Idm and Corr of grey-level pairs in a moving window.

    Parameters
    ----------
    band
        (…, y, x), NaN for nodata.
    window
        Side of the window in pixels, odd, 3-15.
    value_range
        Low and high end of what is divided into grey levels, in the unit of `band`. Give it where
        several images must agree: that of a run is `texture_range` in the store's features. None:
        found from `percentiles`, for one band only.
    percentiles
        Between which the range is found, 0-100, of all images along the leading dims; at once,
        also on Dask, by reading squares at even steps, 2 million pixels of an image at most.
    levels, distance, directions
        As `minecover.features.texture.Texture`.

    Returns
    -------
    float32 (…, feature, y, x) with the coordinates `feature` and `units`; attributes hold
    `texture_range` and the settings. NaN where `band` is, or where a window has no pair of pixels.

    Raises
    ------
    SurveyError
        A setting is out of range.
    DataError
        `band` is no such image, or has no valid pixel to find the range from.
    """
    with about("mc.texture", {"texture: ": ""}):
        settings = Texture(
            0.0, 1.0, window=window, levels=levels, distance=distance, directions=directions
        )
        image = as_image(band, "band")
        low, high = range_of_levels(image, value_range, percentiles)
        result = _features(image, replace(settings, low=low, high=high), "nodata")
    facts = {"texture_range": [low, high], "window": window, "levels": levels}
    return result.assign_attrs(facts | {"distance": distance})


def terrain(
    elevation: xr.DataArray, resolution: float | tuple[float, float] | None = None
) -> xr.DataArray:
    """Compute slope and aspect in degrees (Horn 1981).

    Parameters
    ----------
    elevation
        Metres, (…, y, x), north at the top.
    resolution
        Edge of a pixel in metres, or its width and height; None: from the coordinates of
        `elevation`, whose CRS must be in metres.

    Returns
    -------
    float32 (…, feature, y, x), `slope` 0-90 and `aspect` 0-360 clockwise from north, -1 where it is
    flat. At the edge of the array the outermost pixels count twice, as in a run.

    Raises
    ------
    SurveyError
        `resolution` is no size.
    DataError
        `elevation` is no such image, or does not say how large its pixels are.
    """
    with about("mc.terrain", {"terrain: ": ""}):
        image = as_image(elevation, "elevation")
        return _features(image, Terrain(pixel_edges(image, resolution)), "repeated")


def composite(
    stack: xr.DataArray,
    method: Literal["median", "geometric_median"] = "median",
    *,
    tolerance: float = 1e-5,
) -> xr.DataArray:
    """Make one image of several dates.

    Parameters
    ----------
    stack
        (time, …, y, x), NaN where masked.
    method
        ``"median"`` of each layer by itself, or ``"geometric_median"`` of the dim `band` as a
        whole, which keeps the relation between bands.
    tolerance
        Distance from its limit at which the geometric median stops, in the unit of `stack`.

    Returns
    -------
    float32 (…, y, x) with the name and the attributes of `stack`; NaN where nothing is observed.

    Raises
    ------
    SurveyError
        A setting is out of range.
    DataError
        `stack` is no such image.
    """
    with about("mc.composite"):
        check_choice("method", method, ("median", "geometric_median"))
        if not 0 < number("tolerance", tolerance) < np.inf:
            raise SurveyError(f"tolerance is {tolerance}; give a positive number")
        joint = ("band",) if method == "geometric_median" else ()
        image = as_image(stack, "stack", "time", *joint)
    if method == "median":
        kernel = BlockKernel(method, _median, inner=1)
    else:
        compute = partial(geometric_median, tolerance=tolerance)
        kernel = BlockKernel(method, compute, inner=2, outer=(image.sizes["band"],))
    dims = [dim for dim in image.dims if dim != "time"]
    return derived(image, kernel.map(image.data), dims)


def _median(stack: Float32Array) -> Float32Array:
    composed: Float32Array = median_composite(stack[:, np.newaxis])[0]
    return composed


@dataclass(frozen=True)
class _OneLayer:
    """A kernel that takes one layer, of windows without a dim for it."""

    kernel: Kernel

    def __call__(self, window: Float32Array) -> Float32Array:
        return self.kernel(window[np.newaxis])


def _features(
    image: xr.DataArray, kernel: Kernel, edge: Literal["nodata", "repeated"]
) -> xr.DataArray:
    """Compute the features of an image of one layer."""
    blocks = BlockKernel(
        kernel.name, _OneLayer(kernel), outer=(len(kernel.outputs),), halo=kernel.halo, edge=edge
    )
    return with_features(image, blocks, dict(zip(kernel.outputs, kernel.units, strict=True)))


def _check_no_digital_numbers(bands: xr.DataArray) -> None:
    if bands.dtype.kind in "iu":
        raise DataError(
            f"bands holds {bands.dtype}, digital numbers; give reflectance of 0 to 1, NaN where "
            "there is no data: for most products bands.where(bands != 0) / 10000, for Sentinel-2 "
            "from baseline 04.00 on (bands.where(bands != 0) - 1000) / 10000"
        )


def _chosen_bands(image: xr.DataArray, needed: Mapping[str, str]) -> xr.DataArray:
    """Keep the bands that are needed, in the order in which they come; or all, where it is free."""
    if "band" not in image.coords:
        raise DataError("bands has no names: bands.assign_coords(band=['B02', …])")
    there = [str(name) for name in image["band"].values]
    for band, feature in needed.items():
        if there.count(band) != 1:
            raise DataError(
                f"bands has {there.count(band) or 'no'} {band}, which {feature} is computed from; "
                f"it holds {', '.join(there)}: choose bands, or name them by assign_coords(band=…)"
            )
    if tuple(there) == PAPER_BANDS and (image.chunks is None or len(image.chunksizes["band"]) == 1):
        return image  # as the kernel takes them
    places = [place for place, name in enumerate(there) if name in needed]
    run = slice(places[0], places[-1] + 1)  # a view, where nothing lies between
    return image.isel(band=run if len(there[run]) == len(places) else places)
