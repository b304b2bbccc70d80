"""Write cloud-optimised GeoTIFFs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from minecover.demo.frame import ImageGrid
from minecover.simulated import TAG

__all__ = ["write_cog"]


def write_cog(
    path: Path,
    array: npt.NDArray[np.integer] | npt.NDArray[np.floating],
    grid: ImageGrid,
    *,
    nodata: float,
    overviews: str = "average",
    names: Sequence[str] = (),
) -> None:
    """Write a simulated image as a COG: blocks of 256 pixels, overviews down to one block.

    Parameters
    ----------
    path
        File to write; its folder is created.
    array
        One band of the grid's shape, or bands along the first axis.
    grid
        Position of the pixels.
    nodata
        Value of pixels without data.
    overviews
        Resampling of the overviews; ``mode`` for class codes.
    names
        Descriptions of the bands, if there are several.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = grid.shape
    bands = array.reshape(-1, rows, columns)
    with rasterio.open(
        path, "w", driver="COG", width=columns, height=rows, count=len(bands),
        dtype=array.dtype.name, crs=grid.crs, transform=grid.transform, nodata=nodata,
        blocksize=256, compress="DEFLATE", level=1, predictor="YES", overview_resampling=overviews,
    ) as file:  # fmt: skip
        file.write(bands)
        for index, name in enumerate(names, 1):
            file.set_band_description(index, name)
        file.update_tags(**{TAG: "YES"})
