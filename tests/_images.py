"""Images as people have them on a disk, written for a test.

The n-th band of `ORDER` has a reflectance of n / 20 on the first date, and of 0.01 more on each
date that follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine

from _catalogs import BANDS, EPSG, LEFT, TOP

ORDER = tuple(sorted(BANDS))
SIZE = 64


def reflectance(band: str, date: int = 0) -> float:
    return (ORDER.index(band) + 1) / 20 + date / 100


def digital_numbers(band: str, date: int = 0, offset: int = -1000) -> npt.NDArray[Any]:
    """Numbers to which an offset is to be added."""
    value = round(reflectance(band, date) * 10_000) - offset
    return np.full((SIZE, SIZE), value, np.uint16)


def write_image(
    path: Path,
    bands: Sequence[npt.NDArray[Any]],
    called: Sequence[str] = (),
    *,
    pixel: float = 10.0,
    driver: str = "GTiff",
    **more: Any,
) -> Path:
    """Write a raster at the scenes' corner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lossless = {"QUALITY": "100", "REVERSIBLE": "YES"} if driver == "JP2OpenJPEG" else {}
    height, width = bands[0].shape
    with rasterio.open(
        path, "w", driver=driver, height=height, width=width, count=len(bands),
        dtype=bands[0].dtype, crs=rasterio.CRS.from_epsg(EPSG),
        transform=Affine(pixel, 0, LEFT, 0, -pixel, TOP), **lossless, **more,
    ) as raster:  # fmt: skip
        raster.write(np.stack(bands))
        if called:
            raster.descriptions = called
    return path
