"""The ground in true colour as a picture, where a survey names the product `true_colour`.

``true_colour.tif`` has red, green and blue as bytes, from dark, 1, to bright, 255, between the 2nd
and the 98th percentile of all three; 0 is nodata. It is of the season of which the report shows a
picture, and made for looking at: the cube holds the reflectance. Its overviews let the map page,
and QGIS, show a whole province at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp
from rasterio.io import DatasetWriter

from minecover.arrays import Float32Array
from minecover.products.cog import MEDIA_TYPE, Raster, writing_cogs
from minecover.products.figures import natural_canvas, photo_limits
from minecover.products.product import File, Product, Publication
from minecover.simulated import simulation_tags

__all__ = ["TRUE_COLOUR", "TRUE_COLOUR_FILE"]

TRUE_COLOUR_FILE = "true_colour.tif"


class TrueColourPicture(Product[None]):
    """One COG of three bands of bytes."""

    name = "true_colour"

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List it where an optical source was observed."""
        shown = publication.true_colour
        if shown is None:
            return ()
        title = f"The ground in {shown.season}, in true colour"
        return (File(TRUE_COLOUR_FILE, title, MEDIA_TYPE, self.name, ("visual",)),)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Write it tile by tile."""
        shown, grid = publication.true_colour, publication.grid
        assert shown is not None
        limits = photo_limits(natural_canvas(shown, grid))
        describe = partial(_describe, publication)
        raster = Raster(paths[TRUE_COLOUR_FILE], 3, describe, "uint8", 0)
        with writing_cogs(grid, [raster]) as (writer,):
            for tile in grid.tiles:
                window = grid.window(tile)
                values = shown.cube.read(window, list(shown.layers))
                values = np.where(grid.area_mask(window), values, np.float32(np.nan))
                writer.write(window, _bytes(values, limits))


TRUE_COLOUR = TrueColourPicture()


def _bytes(values: Float32Array, limits: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Turn (band, y, x) values between limits into 1 to 255; 0 where any band is NaN."""
    low, high = limits
    known = np.isfinite(values).all(axis=0)
    share = np.clip((np.nan_to_num(values) - low) / max(high - low, 1e-6), 0, 1)
    return np.where(known, np.round(1 + share * 254), 0).astype(np.uint8)


def _describe(publication: Publication, dataset: DatasetWriter) -> None:
    shown = publication.true_colour
    assert shown is not None
    dataset.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    for band, name in enumerate(shown.layers, start=1):
        dataset.set_band_description(band, name)
    dataset.update_tags(**simulation_tags(publication.simulated))
