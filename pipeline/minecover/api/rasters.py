"""DataArrays as the rasters that the rest of minecover reads, and points on their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real

import geopandas as gpd
import numpy as np
import odc.geo.xr  # noqa: F401  # brings `.odc` to DataArrays
import pandas as pd
import pyproj
import rioxarray  # noqa: F401  # brings `.rio`, which messages speak of
import xarray as xr
from odc.geo.geobox import GeoBox

from minecover.api.arguments import strings
from minecover.arrays import BoolArray, Float32Array
from minecover.errors import DataError, SurveyError
from minecover.geography.datums import datum_change, moved
from minecover.geography.grid import Window
from minecover.geography.polygon_files import listed
from minecover.samples.points import Points
from minecover.storage.raster import positions_of, read_window
from minecover.storage.raster_array import UNIT

__all__ = ["ArrayRaster", "as_layers", "class_codes", "geobox_of", "on_pixels", "places_of"]

EDGE = 512
"""Edge in pixels of the blocks in which an array is read that has none of its own."""

TOLERANCE = 0.01
"""Pixels by which the centre of one may be off its place."""


def as_layers(features: object, layers: Sequence[str] | None = None) -> xr.DataArray:
    """Check that something is layers of a raster, and take some of them.

    Parameters
    ----------
    features
        Expected to be a DataArray of numbers, (layer, y, x) in any order of dimensions, with the
        names of the layers as its coordinate `layer`.
    layers
        Names of those wanted, in this order; None: all.

    Returns
    -------
    (layer, y, x), lazy where the array is.

    Raises
    ------
    SurveyError
        It is something else.
    DataError
        A layer is not there, or there twice.
    """
    if not isinstance(features, xr.DataArray) or set(features.dims) != {"layer", "y", "x"}:
        what = features.dims if isinstance(features, xr.DataArray) else type(features).__name__
        raise SurveyError(f"features: a DataArray (layer, y, x) is wanted, not {what}")
    if "layer" not in features.coords:
        raise SurveyError("features: give the names of the layers as the coordinate `layer`")
    if features.dtype.kind not in "fiu":
        raise SurveyError(f"features: numbers are wanted, not {features.dtype}")
    names = [str(name) for name in features["layer"].values]
    chosen = names if layers is None else list(strings("layers", layers))
    again = sorted({name for name in chosen if chosen.count(name) > 1 and layers is not None})
    if again:
        raise SurveyError(f"layers: {listed(again)} more than once; name each layer once")
    missing = [name for name in chosen if name not in names]
    if missing:
        raise DataError(
            f"features: no layer {listed(missing)}; there are {listed(names)}: give the features "
            "that the model was trained on"
        )
    twice = sorted({name for name in chosen if names.count(name) > 1})
    if twice:
        raise DataError(f"features: layer {listed(twice)} is there more than once")
    array = features.transpose("layer", "y", "x")
    return array if chosen == names else array.isel(layer=positions_of(chosen, names, "features"))


def geobox_of(array: xr.DataArray | xr.Dataset, name: str) -> GeoBox:
    """Find CRS, affine and shape of an array from its coordinates.

    Raises
    ------
    DataError
        It has no even coordinates x and y; `name` is the argument's.
    """
    geobox = array.odc.geobox
    if geobox is None or not _is_even(array, geobox):
        raise DataError(
            f"{name}: no grid can be made out; give even coordinates x and y of at least two "
            "pixels, or write the transform with rio.write_transform"
        )
    return geobox


def _is_even(array: xr.DataArray | xr.Dataset, geobox: GeoBox) -> bool:
    """Tell whether pixels lie where a grid has them; odc-geo looks at the first two alone."""
    place = geobox.affine
    steps = zip(array.odc.spatial_dims, (place.e, place.a), (place.f, place.c), strict=True)
    return all(
        np.allclose(array[dim].values, start + step * (np.arange(array.sizes[dim]) + 0.5), rtol=0,
                    atol=TOLERANCE * abs(step))
        for dim, step, start in steps
        if dim in array.coords
    )  # fmt: skip


def class_codes(landuse: xr.DataArray) -> dict[str, int]:
    """Name to code of the classes that a map names as CF has it; none where it does not.

    Raises
    ------
    DataError
        There is not one code, a whole number, for each name.
    """
    names = str(landuse.attrs.get("flag_meanings", "")).split()
    if not names:
        return {}
    given = landuse.attrs.get("flag_values", [])
    codes = np.atleast_1d(np.asarray(given, dtype=np.object_)).tolist()
    if len(codes) != len(names) or not all(_is_whole(code) for code in codes):
        raise DataError(
            f"{landuse.name or 'the array'}: flag_values {given} are not the codes of "
            f"the {len(names)} names of flag_meanings; give one whole number for each"
        )
    return {name: int(code) for name, code in zip(names, codes, strict=True)}


def _is_whole(code: object) -> bool:
    return isinstance(code, Integral) or (isinstance(code, Real) and float(code).is_integer())


def places_of(points: pd.DataFrame) -> pd.DataFrame:
    """Coordinates x and y of points, from their geometry or their columns, with their index.

    Raises
    ------
    SurveyError
        They have neither, or a geometry that is no point.
    DataError
        One has no position.
    """
    if isinstance(points, gpd.GeoDataFrame):
        geometry = points.geometry
        if not (geometry.geom_type == "Point").all():
            raise SurveyError("points: every geometry must be a point; take representative_point()")
        place = pd.DataFrame({"x": geometry.x, "y": geometry.y}, index=points.index)
        return _with_place(place)
    missing = [name for name in ("x", "y") if name not in points.columns]
    if missing:
        raise SurveyError(
            f"points: no column {', '.join(missing)}; give a GeoDataFrame, or columns x and y"
        )
    return _with_place(points[["x", "y"]].astype(np.float64))


def _with_place(place: pd.DataFrame) -> pd.DataFrame:
    lost = int((~np.isfinite(place.to_numpy())).any(axis=1).sum())
    if lost:
        raise DataError(f"points: {lost} of {len(place)} have no position; leave them out")
    return place


def on_pixels(points: pd.DataFrame, array: xr.DataArray, name: str) -> pd.DataFrame:
    """Find the pixels of an array on which points lie.

    Parameters
    ----------
    points
        With a geometry in any CRS, or with columns x and y in that of the array.
    array
        (…, y, x).
    name
        Of the argument that the array is.

    Returns
    -------
    Columns row and col, with the index of the points; beyond the shape of the array, or negative,
    for points that lie off it.
    """
    geobox = geobox_of(array, name)
    if isinstance(points, gpd.GeoDataFrame):
        if points.crs is None or geobox.crs is None:
            lacking = "points" if points.crs is None else name
            raise DataError(f"{lacking}: no CRS; set it with set_crs, or rio.write_crs")
        points = _carried(points, pyproj.CRS(geobox.crs.to_wkt()))
    place = places_of(points)
    inverse = ~geobox.affine
    x, y = (place[axis].to_numpy(np.float64) for axis in ("x", "y"))
    columns = np.floor(inverse.a * x + inverse.b * y + inverse.c)
    rows = np.floor(inverse.d * x + inverse.e * y + inverse.f)
    pixels = {"row": rows.astype(np.int64), "col": columns.astype(np.int64)}
    return pd.DataFrame(pixels, index=points.index)


def _carried(points: gpd.GeoDataFrame, target: pyproj.CRS) -> gpd.GeoDataFrame:
    """Carry points to another CRS, by no guess."""
    own, ways = pyproj.CRS(points.crs), "give them in a datum from which one is known, as WGS 84"
    change = datum_change(own, target, points.total_bounds, "points", ways)
    there = moved(points.geometry.to_numpy(), change.transformer.transform)
    return points.set_geometry(gpd.GeoSeries(there, crs=target, index=points.index))


@dataclass(frozen=True, eq=False)
class ArrayRaster:
    """Layers of a DataArray, which may be lazy, read window by window.

    Attributes
    ----------
    array
        (layer, y, x), as `as_layers` gives it.
    """

    array: xr.DataArray

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the layers, in order."""
        return tuple(str(name) for name in self.array["layer"].values)

    @property
    def units(self) -> dict[str, str]:
        """Units of the layers by name, where the array says them."""
        given = self.array.coords.get(UNIT)
        return {} if given is None else dict(zip(self.names, map(str, given.values), strict=True))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return self.array.sizes["y"], self.array.sizes["x"]

    def block_edge(self, count: int) -> int:
        """Edge of the array's own chunks: each is computed once then."""
        del count
        chunks = self.array.chunks
        return EDGE if chunks is None else max(max(axis) for axis in chunks[1:])

    def read(
        self, window: Window, names: Sequence[str] | None = None, *, mirror: bool = False
    ) -> Float32Array:
        """See `minecover.storage.raster.Raster.read`."""
        chosen = self.names if names is None else names
        positions = positions_of(chosen, self.names, "features")

        def inside(part: Window) -> Float32Array:
            rows, columns = part.slices
            values = self.array.isel(layer=positions, y=rows, x=columns).to_numpy()
            return np.array(values, dtype=np.float32)

        return read_window(self.shape, len(positions), window, inside, mirror=mirror)

    def lie_on(self, pixels: pd.DataFrame) -> BoolArray:
        """(point,) whether a pixel, given by its row and col, is one of the grid's."""
        height, width = self.shape
        rows, columns = pixels["row"], pixels["col"]
        return np.asarray(rows.between(0, height - 1) & columns.between(0, width - 1))

    def points(self, pixels: pd.DataFrame) -> Points:
        """Pixels as `minecover.samples.patches.extract` reads them."""
        return Points(pixels.reset_index(drop=True), {})
