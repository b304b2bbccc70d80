"""The arrays of a raster of named layers, as Zarr keeps them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from minecover.geography.grid import Grid

__all__ = ["CHUNK", "CHUNK_LAYERS", "create_arrays"]

CHUNK = 64
"""Edge of the inner chunks of a shard: what a patch or a halo reads at least."""

CHUNK_LAYERS = 8
"""Layers of an inner chunk: fewer mean more reads, more mean reading layers that nobody wants."""


def create_arrays(group: zarr.Group, grid: Grid, layers: Sequence[str]) -> None:
    """Create the layers of a raster and the coordinates of its pixels; no pixel is written."""
    height, width = grid.shape
    per_chunk = min(CHUNK_LAYERS, len(layers))
    chunk = CHUNK if grid.tile_size % CHUNK == 0 else 32
    group.create_array(
        "layers",
        shape=(len(layers), height, width),
        dtype="float32",
        chunks=(per_chunk, chunk, chunk),
        shards=(-(-len(layers) // per_chunk) * per_chunk, grid.tile_size, grid.tile_size),
        fill_value=np.nan,
        compressors=BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"),
        dimension_names=("layer", "y", "x"),
        attributes={"grid_mapping": "spatial_ref"},
    )
    affine = grid.geobox.affine
    x = affine.c + affine.a * (np.arange(width) + 0.5)
    y = affine.f + affine.e * (np.arange(height) + 0.5)
    for axis, values in (("x", x), ("y", y)):
        group.create_array(
            axis,
            data=values,
            dimension_names=(axis,),
            attributes={"units": "m", "standard_name": f"projection_{axis}_coordinate"},
        )
    group.create_array(
        "layer", data=np.array(layers, dtype=np.dtypes.StringDType()), dimension_names=("layer",)
    )
    geotransform = " ".join(repr(value) for value in affine.to_gdal())
    group.create_array(
        "spatial_ref",
        data=np.array(0, dtype="int32"),
        attributes={"crs_wkt": grid.geobox.crs.wkt, "GeoTransform": geotransform},
    )
