"""The arrays of a raster, as Zarr keeps them: shards, coordinates, and where they lie.

xarray, rioxarray, odc-geo and rio-tiler find the CRS of an array that is opened plainly by its
attributes `grid_mapping` (CF 1.11, section 5.6) and `coordinates`; other readers by the Zarr
conventions `proj:` and `spatial:` (https://github.com/zarr-conventions).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from minecover.geography.grid import Grid
from minecover.storage.canonical_json import Json
from minecover.storage.raster_array import PERIOD, RasterArray

__all__ = ["CHUNK", "CHUNK_LAYERS", "create_arrays"]

CHUNK = 64
"""Edge of the inner chunks of a shard: what a patch or a halo reads at least."""

CHUNK_LAYERS = 10
"""Layers of an inner chunk at most: fewer mean more reads, more mean reading layers that nobody
wants; the bands of a season are read together."""

CONVENTIONS = (
    (
        "proj",
        "f17cb550-5864-4468-aeb7-f3180cfb622f",
        "Coordinate reference system information for geospatial data",
    ),
    ("spatial", "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4", "Spatial coordinate information"),
)
"""Name, uuid and description of the Zarr conventions that the arrays follow, in version 0.1."""


def create_arrays(
    group: zarr.Group, grid: Grid, arrays: Sequence[RasterArray], periods: Sequence[str] = ()
) -> None:
    """Create the arrays of a raster and the coordinates of their pixels; no pixel is written.

    Parameters
    ----------
    group, grid, arrays
        Where, and what.
    periods
        Labels of a first dimension of all arrays, `period`; none: they have no such dimension.
    """
    place = _place(grid)
    group.update_attributes(place)
    if periods:
        _create_labels(group, PERIOD, PERIOD, periods)
    for array in arrays:
        _create(group, grid, array, place, len(periods))
        for axis, labels in array.axes.items():
            _create_labels(group, axis, axis, labels)
        for name, labels in array.coordinates.items():
            _create_labels(group, name, next(iter(array.axes)), labels)
    _create_pixels(group, grid)


def leading_chunks(shape: Sequence[int]) -> tuple[int, ...]:
    """Lengths of an inner chunk along the axes before y and x, equal parts where they are cut.

    Examples
    --------
    >>> leading_chunks((4, 10)), leading_chunks((4, 2)), leading_chunks((112,)), leading_chunks(())
    ((1, 10), (4, 2), (10,), ())
    """
    lengths: list[int] = []
    room = CHUNK_LAYERS
    for length in reversed(shape):
        parts = -(-length // max(room, 1))
        lengths.append(-(-length // parts))
        room //= lengths[-1]
    return tuple(reversed(lengths))


def _create(
    group: zarr.Group, grid: Grid, array: RasterArray, place: dict[str, Json], periods: int
) -> None:
    inner, edge = leading_chunks(array.shape), CHUNK if grid.tile_size % CHUNK == 0 else 32
    whole = (-(-size // part) * part for size, part in zip(array.shape, inner, strict=True))
    others = " ".join((*array.coordinates, "spatial_ref"))
    size, one, first = ((periods,), (1,), (PERIOD,)) if periods else ((), (), ())
    group.create_array(
        array.name,
        shape=(*size, *array.shape, *grid.shape),
        dtype="float32",
        chunks=(*one, *inner, edge, edge),
        shards=(*one, *whole, grid.tile_size, grid.tile_size),
        fill_value=np.nan,
        # without a checksum most flipped bytes decode to other pixels
        compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), Crc32cCodec()],
        dimension_names=(*first, *array.dimensions),
        attributes={
            **array.attributes,
            "grid_mapping": "spatial_ref",
            "coordinates": others,
            **place,
        },
    )


def _create_labels(group: zarr.Group, name: str, axis: str, labels: Sequence[str]) -> None:
    if name not in group:  # of several arrays
        text = np.array(labels, dtype=np.dtypes.StringDType())
        group.create_array(name, data=text, dimension_names=(axis,))


def _create_pixels(group: zarr.Group, grid: Grid) -> None:
    """Create the coordinates of the pixels' centres, and what they are coordinates of."""
    affine, (height, width) = grid.geobox.affine, grid.shape
    x = affine.c + affine.a * (np.arange(width) + 0.5)
    y = affine.f + affine.e * (np.arange(height) + 0.5)
    for axis, values in (("x", x), ("y", y)):
        group.create_array(
            axis,
            data=values,
            dimension_names=(axis,),
            attributes={
                "units": "m",
                "standard_name": f"projection_{axis}_coordinate",
                "long_name": f"{axis} of the pixel's centre",
            },
        )
    geotransform = " ".join(repr(value) for value in affine.to_gdal())
    group.create_array(
        "spatial_ref",
        data=np.array(0, dtype="int32"),
        attributes={**grid.geobox.crs.proj.to_cf(), "GeoTransform": geotransform},
    )


def _place(grid: Grid) -> dict[str, Json]:
    """Attributes by which the conventions say where pixels lie."""
    crs, affine = grid.geobox.crs, grid.geobox.affine
    code = crs.to_epsg()
    known = {"proj:wkt2": crs.to_wkt(version="WKT2_2019")}
    return {
        "zarr_conventions": [_convention(*convention) for convention in CONVENTIONS],
        **(known if code is None else {"proj:code": f"EPSG:{code}"}),
        "spatial:dimensions": ["y", "x"],
        "spatial:transform": [float(value) for value in tuple(affine)[:6]],
        "spatial:transform_type": "affine",
        "spatial:shape": list(grid.shape),
        "spatial:bbox": [float(value) for value in grid.geobox.boundingbox.bbox],
        "spatial:registration": "pixel",
    }


def _convention(name: str, uuid: str, description: str) -> Json:
    """Say which convention is followed, and where it is written down."""
    home, tag = f"zarr-conventions/{name}", "v0.1"
    return {
        "uuid": uuid,
        "schema_url": f"https://raw.githubusercontent.com/{home}/refs/tags/{tag}/schema.json",
        "spec_url": f"https://github.com/{home}/blob/{tag}/README.md",
        "name": name,
        "description": description,
    }
