"""The maps of all periods of a survey in one COG, a band a period."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from rasterio.io import DatasetWriter

from minecover.products.cog import MEDIA_TYPE, Raster, writing_cogs
from minecover.products.landuse import describe_classes
from minecover.products.product import File, Product, Publication
from minecover.simulated import simulation_tags

__all__ = ["PERIOD_MAPS", "PERIOD_MAPS_FILE"]

PERIOD_MAPS_FILE = "landuse_periods.tif"


class PeriodMaps(Product[None]):
    """Class codes of every period, uint8 with 0 for nodata, named by the periods."""

    name = "period_maps"

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List the COG where there are several periods."""
        timeline = publication.timeline
        if timeline is None or len(timeline) < 2:
            return ()
        bands = [{"name": name, "data_type": "uint8", "nodata": 0} for name in timeline.names]
        title = "Land use of every period"
        key = PERIOD_MAPS_FILE.removesuffix(".tif")
        return (File(PERIOD_MAPS_FILE, title, MEDIA_TYPE, key, fields={"bands": bands}),)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Write it tile by tile."""
        timeline, grid = publication.timeline, publication.grid
        assert timeline is not None
        raster = Raster(
            paths[PERIOD_MAPS_FILE], len(timeline), partial(_describe, publication), "uint8", 0,
            codes=True,
        )  # fmt: skip
        with writing_cogs(grid, [raster]) as (writer,):
            for tile in grid.tiles:
                window = grid.window(tile)
                writer.write(window, timeline.codes(window))


def _describe(publication: Publication, dataset: DatasetWriter) -> None:
    assert publication.timeline is not None
    describe_classes(dataset, publication.classes)
    for band, name in enumerate(publication.timeline.names, start=1):
        dataset.set_band_description(band, name)
    dataset.update_tags(**simulation_tags(publication.simulated))


PERIOD_MAPS = PeriodMaps()
