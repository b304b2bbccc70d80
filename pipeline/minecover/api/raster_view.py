"""What can be shown of a raster, and in which colours: classes, pictures and numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import xarray as xr

from minecover.api.colours import classes_on, pictures_of
from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.errors import SurveyError
from minecover.geography.polygon_files import listed
from minecover.products.palette import CONFIDENCE, DOUBT, SEQUENTIAL, ramp_of
from minecover.samples.classes import LandUseClass

__all__ = ["RasterView", "chosen_view", "decimated", "views_of"]

UInt8Array = npt.NDArray[np.uint8]

PLACES = ("y", "x")

TIMES = ("period", "time", "season")
"""Dimensions whose labels stand before the others in the name of a layer."""

PROBES, EDGE = 5, 32
"""Blocks along each side, and pixels along a block, by whose values numbers are coloured."""

ENDS = (2, 98)
"""Percentiles that have the first and the last colour, as on the map page."""


@dataclass(frozen=True, eq=False)
class RasterView:
    """A layer of a raster as it is shown, or three of them as a picture.

    Attributes
    ----------
    name
        As it is chosen, ``summer_NDVI``.
    pixels
        (y, x), or (band, y, x) of red, green and blue; lazy where the raster is.
    classes
        Of codes; none: numbers.
    """

    name: str
    pixels: xr.DataArray
    classes: tuple[LandUseClass, ...] = ()

    @property
    def is_picture(self) -> bool:
        """Whether three bands are shown together."""
        return self.pixels.ndim == 3

    @property
    def title(self) -> str:
        """Name for people."""
        return self.name.replace("_", " ")

    @property
    def unit(self) -> str:
        """Of its numbers; empty for pure numbers, codes and pictures."""
        given = self.pixels.coords.get("unit")
        unit = self.pixels.attrs.get("units", "") if given is None else given.item()
        shown = not self.classes and not self.is_picture and unit not in ("1", "")
        return str(unit) if shown else ""

    @cached_property
    def ramp(self) -> tuple[tuple[str, ...], float, float]:
        """Colours of its numbers, and the values at both ends; see `ramp_of`."""
        given = {"entropy": DOUBT, "probability": CONFIDENCE}.get(str(self.pixels.name))
        ends = [self.pixels.attrs.get(name) for name in ("valid_min", "valid_max")]
        if given is not None and None not in ends:
            low, high = (float(str(end)) for end in ends)
            return given, low, high
        low, high = self._quantiles()
        colours: Sequence[str] = SEQUENTIAL
        if not self.is_picture:
            colours, low, high = ramp_of(low, high, self.unit)
        return tuple(colours), low, high if high > low else low + 1.0

    def _quantiles(self) -> tuple[float, float]:
        """Range of values in blocks over the raster: few chunks of it are read."""
        places = {dim: _probed(self.pixels.sizes[dim]) for dim in PLACES}
        values = np.asarray(self.pixels.isel(places).to_numpy(), dtype=np.float32)
        known = values[np.isfinite(values)]
        if not known.size:
            return 0.0, 1.0
        low, high = np.percentile(known, ENDS)
        return float(low), float(high)

    def colours(self, values: Float32Array) -> UInt8Array:
        """Colour some of its pixels.

        Parameters
        ----------
        values
            Shaped as `pixels`, or a part of them.

        Returns
        -------
        (y, x, 4) red, green, blue and opacity; transparent where nodata.
        """
        if self.classes:
            return self._class_colours(values)
        colours, low, high = self.ramp
        known: BoolArray = np.isfinite(values)
        share = np.clip((np.where(known, values, low) - low) / (high - low), 0, 1)
        if self.is_picture:
            rgb, known = np.moveaxis(255 * share, 0, -1), np.asarray(known.all(axis=0))
        else:
            stops = np.array([list(bytes.fromhex(colour[1:])) for colour in colours], dtype=float)
            places = np.linspace(0, 1, len(colours))
            rgb = np.stack([np.interp(share, places, stop) for stop in stops.T], axis=-1)
        return np.dstack([np.rint(rgb), 255 * known]).astype(np.uint8)

    def _class_colours(self, values: Float32Array) -> UInt8Array:
        table = np.zeros((256, 4), dtype=np.uint8)
        for item in self.classes:
            table[item.code] = (*bytes.fromhex(item.colour[1:]), 255)
        codes = np.where(np.isfinite(values), values, 0)
        return table[np.where((codes >= 0) & (codes <= 255), codes, 0).astype(np.uint8)]


def _probed(size: int) -> Int64Array:
    """Places along an edge of so many pixels whose values are looked at."""
    starts = np.linspace(0, max(0, size - EDGE), PROBES).astype(np.int64)
    return np.unique(np.add.outer(starts, np.arange(min(EDGE, size))))


def views_of(raster: xr.Dataset | xr.DataArray, season: str | None = None) -> list[RasterView]:
    """List what can be shown of a raster: classes first, then pictures, then numbers.

    Parameters
    ----------
    raster
        Arrays (..., y, x), as a store or a reader gives them.
    season
        Of layers that have one; None: all.

    Raises
    ------
    SurveyError
        There is nothing to show, or no such season.
    """
    if not isinstance(raster, xr.Dataset | xr.DataArray):
        raise SurveyError(f"raster: a Dataset or DataArray is wanted, not {type(raster).__name__}")
    arrays = [raster] if isinstance(raster, xr.DataArray) else list(raster.data_vars.values())
    shown = [array.transpose(..., *PLACES) for array in arrays if set(PLACES) <= set(array.dims)]
    views = [view for array in shown for view in _views(_of_season(array, season))]
    if not views:
        raise SurveyError("raster: no array with dimensions y and x")
    return sorted(views, key=lambda view: (not view.classes, not view.is_picture))


def chosen_view(views: Sequence[RasterView], layer: str | None) -> RasterView:
    """Find a view by its name; None: the first.

    Raises
    ------
    SurveyError
        There is none of that name: the message lists those that there are.
    """
    names = [view.name for view in views]
    if layer is not None and layer not in names:
        raise SurveyError(f"layer: no {layer!r}; there are {listed(names)}")
    return views[0 if layer is None else names.index(layer)]


def _of_season(array: xr.DataArray, season: str | None) -> xr.DataArray:
    """Keep the layers of a season, and those that have none."""
    if season is None or "season" not in array.coords:
        return array
    labels = array["season"]
    there = [str(label) for label in np.atleast_1d(labels.values)]
    if season not in there:
        known = listed([*dict.fromkeys(name for name in there if name)])
        raise SurveyError(f"season: no {season!r}; there are {known}")
    if not labels.dims:
        return array
    return array.isel(
        {labels.dims[0]: [at for at, name in enumerate(there) if name in (season, "")]}
    )


def _views(array: xr.DataArray) -> Iterator[RasterView]:
    """List the layers of one array, pictures of its bands with them."""
    axes = [str(dim) for dim in array.dims[:-2]]
    labels = {dim: _labels(array, dim) for dim in axes}
    classes = classes_on(array)
    for axis in (dim for dim in axes if dim not in TIMES):
        for title, bands in pictures_of(labels[axis]).items():
            others = {dim: labels[dim] for dim in axes if dim != axis}
            three = array.isel({axis: [labels[axis].index(band) for band in bands]})
            for place, words in _places(others):
                pixels = three.isel(place).transpose(axis, *PLACES)
                yield RasterView("_".join([*words, title.replace(" ", "_")]), pixels)
    own = [str(array.name or "values")] if set(axes) <= set(TIMES) or "class" in axes else []
    for place, words in _places(labels):
        late = [labels[dim][place[dim]] for dim in axes if dim not in TIMES]
        early = words[: len(words) - len(late)]
        yield RasterView("_".join([*early, *own, *late]), array.isel(place), classes)


def _labels(array: xr.DataArray, dim: str) -> list[str]:
    """Names along a dimension; its places where it has none."""
    given = array[dim].values if dim in array.coords else range(array.sizes[dim])
    return [str(label) for label in given]


def _places(labels: Mapping[str, Sequence[str]]) -> Iterator[tuple[dict[str, int], list[str]]]:
    """List all places along some dimensions, and their labels: those of times first."""
    order = sorted(labels, key=lambda dim: dim not in TIMES)
    for places in itertools.product(*(range(len(labels[dim])) for dim in order)):
        place = dict(zip(order, places, strict=True))
        yield place, [labels[dim][at] for dim, at in place.items()]


def decimated(view: RasterView, most: int) -> Float32Array:
    """Read every so many pixels of a view, the middle of each group.

    Parameters
    ----------
    view
        What is read.
    most
        Pixels along the longer edge, at most.
    """
    sizes = view.pixels.sizes
    step = max(1, math.ceil(max(sizes["y"], sizes["x"]) / most))
    every = {dim: slice(min(step, sizes[dim]) // 2, None, step) for dim in PLACES}
    return np.asarray(view.pixels.isel(every).to_numpy(), dtype=np.float32)
