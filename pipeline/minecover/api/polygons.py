"""Outlines of classes on a map, with their area on the ground."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import geopandas as gpd
import numpy as np
import xarray as xr
from shapely.geometry import box

from minecover.api.arguments import about, number, whole
from minecover.api.rasters import class_codes, geobox_of
from minecover.arrays import BoolArray
from minecover.errors import DataError, SurveyError
from minecover.geography.grid import Grid
from minecover.geography.ground_area import Surface
from minecover.products.measured_outlines import LeftOut, measured_outlines

__all__ = ["polygons"]

STRIP = 256
"""Rows read at once of an array that has no chunks."""


def polygons(
    landuse: xr.DataArray,
    classes: Mapping[str, int] | Sequence[str] | Sequence[int],
    min_area_ha: float = 0.1,
) -> gpd.GeoDataFrame:
    """Outline the patches of some classes of a map.

    Pixels of a class that share an edge are one patch. The map is gone through by rows of its
    chunks, once for each class: a lazy one is best stored first.

    Parameters
    ----------
    landuse
        (y, x) codes, NaN where nodata, on a grid with a CRS: ``run.map.landuse``, or
        ``model.predict(features).landuse``.
    classes
        Those to outline: name to code, or codes, or names where the map says what its codes mean
        (`flag_values` and `flag_meanings`, as CF has them).
    min_area_ha
        Minimum mapping unit in hectares: smaller patches are left out.

    Returns
    -------
    A row a patch in the CRS of the map: `id` from 1, `class`, `area_ha` on the ground, measured in
    an equal-area projection. Classes in their order, the patches of each in the order in which they
    end from the top. `attrs` has what was left out: `left_out` and `hectares_left_out`.

    Raises
    ------
    SurveyError
        The map is no such array, a class unknown, or the smallest area negative.
    DataError
        The map has no grid or CRS.
    """
    with about("mc.polygons"):
        if not isinstance(landuse, xr.DataArray) or set(landuse.dims) != {"y", "x"}:
            raise SurveyError("landuse: a DataArray (y, x) of codes is wanted")
        if not number("min_area_ha", min_area_ha) >= 0:
            raise SurveyError(f"min_area_ha={min_area_ha}: give hectares, 0 or more")
        wanted = _wanted(landuse, classes)
        geobox = geobox_of(landuse, "landuse")
        if geobox.crs is None:
            raise DataError(
                "landuse: no CRS, so no area on the ground; give it one by rio.write_crs"
            )
        array = landuse.transpose("y", "x")
        surface = Surface(Grid(geobox, max(geobox.shape), box(*geobox.boundingbox)))
        left_out = LeftOut()
        rows = [
            (name, hectares, polygon)
            for name, code in wanted.items()
            for batch in measured_outlines(_strips(array, code), surface, min_area_ha, left_out)
            for polygon, hectares in batch
        ]
    frame = gpd.GeoDataFrame(
        {
            "id": np.arange(1, len(rows) + 1),
            "class": np.array([name for name, _, _ in rows], dtype=object),
            "area_ha": np.array([hectares for _, hectares, _ in rows], dtype=np.float64),
        },
        geometry=[polygon for _, _, polygon in rows],
        crs=surface.grid.crs,
    )
    frame.attrs.update(left_out=left_out.count, hectares_left_out=left_out.hectares)
    return frame


def _wanted(
    landuse: xr.DataArray, classes: Mapping[str, int] | Sequence[str] | Sequence[int]
) -> dict[str, int]:
    """Name to code of the classes to outline."""
    if isinstance(classes, Mapping):
        return {str(name): whole("classes", code) for name, code in classes.items()}
    if isinstance(classes, str) or not isinstance(classes, Iterable) or not len(classes):
        raise SurveyError(f"classes={classes!r}: give a list of names or codes, or name to code")
    known = class_codes(landuse)
    names = {code: name for name, code in known.items()}
    wanted = {}
    for item in classes:
        if isinstance(item, str) and item not in known:
            there = f"its classes are {', '.join(known)}" if known else "it does not name any"
            raise SurveyError(f"classes: {item!r} is no class of the map: {there}; give its code")
        code = known[item] if isinstance(item, str) else whole("classes", item)
        wanted[names.get(code, str(code))] = code
    return wanted


def _strips(landuse: xr.DataArray, code: int) -> Iterator[BoolArray]:
    """Rows of chunks from the top, (y, x): whether a pixel is of the class."""
    height = landuse.sizes["y"]
    sizes = [STRIP] * -(-height // STRIP) if landuse.chunks is None else landuse.chunks[0]
    start = 0
    for size in sizes:
        strip = landuse.isel(y=slice(start, start + size)) == code
        yield strip.to_numpy()
        start += size
