"""A product of Sentinel-2 in ESA's Zarr format (EOPF), of the published layout, for a test.

Zarr v2; `/measurements/reflectance/r10m|r20m|r60m`, uint16 with scale and offset on the arrays, the
classification under `/conditions/mask/l2a_classification/r20m/scl`, `proj:*` on each array, and in
r20m the bands of 10 m once more, resampled.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import numpy.typing as npt
import zarr

from _catalogs import EPSG, LEFT, TOP

FINE = ("B02", "B03", "B04", "B08")
SCL = "conditions/mask/l2a_classification/r20m/scl"


def array_of(band: str) -> str:
    """Place of a band at its own resolution."""
    return f"measurements/reflectance/r{10 if band in FINE else 20}m/{band.lower()}"


def write_product(path: Path, bands: Mapping[str, npt.NDArray[Any]], scl: npt.NDArray[Any]) -> None:
    """Write a product of bands at their own resolutions, in chunks of 20 pixels."""
    root = zarr.open_group(path, mode="w", zarr_format=2, attributes=discovery(path.stem))
    for band, dn in bands.items():
        add(
            root, array_of(band), dn, 10 if band in FINE else 20, scale_factor=1e-4, add_offset=-0.1
        )
        if band in FINE:
            other = f"measurements/reflectance/r20m/{band.lower()}"
            add(root, other, dn[::2, ::2] * 0 + 1, 20, scale_factor=1e-4, add_offset=-0.1)
    add(root, SCL, scl, 20)


def add(root: zarr.Group, name: str, dn: npt.NDArray[Any], pixel: int, **said: Any) -> None:
    """Add an array with its place."""
    place = {
        "_ARRAY_DIMENSIONS": ["y", "x"],
        "proj:epsg": EPSG,
        "proj:transform": [pixel, 0, LEFT, 0, -pixel, TOP, 0, 0, 1],
        "proj:shape": list(dn.shape),
    }
    array = root.create_array(
        name, shape=dn.shape, chunks=(20, 20), dtype=dn.dtype, fill_value=0,
        compressors=numcodecs.Blosc(cname="zstd", clevel=3, shuffle=2),
        attributes={**place, **said},
    )  # fmt: skip
    array[:] = dn


def discovery(name: str) -> dict[str, Any]:
    """What the root says of the product, as a STAC item has it."""
    properties = {
        "datetime": "2021-06-10T03:05:41.024000Z",
        "platform": "sentinel-2b",
        "eo:cloud_cover": 12.5,
        "processing:version": "05.11",
    }
    return {"stac_discovery": {"type": "Feature", "id": name, "properties": properties}}


def pattern(band_value: int, rows: int) -> npt.NDArray[np.uint16]:
    """Digital numbers that differ from pixel to pixel, so that a shift is seen."""
    y, x = np.mgrid[0:rows, 0:rows]
    return (1000 + band_value + 7 * y + 3 * x).astype(np.uint16)
