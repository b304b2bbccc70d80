"""stackstac and odc-stac as readers.

Both libraries build a small Dask graph for a window and compute it right here, on threads of the
worker: they are never part of a larger graph.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import dask
import dask.array as da
import numpy as np
import odc.stac
import pystac
import rasterio
import stackstac
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling

from minecover.arrays import Float32Array
from minecover.sources.direct import read_float
from minecover.sources.file_reader import FileReader
from minecover.sources.gdal import gdal_env, gdal_options, open_raster
from minecover.sources.locate import OWN
from minecover.sources.manifest import Asset, Item
from minecover.sources.numbers import Numbers, Wanted

__all__ = ["OdcReader", "StackstacReader"]

LONG_AGO = "1970-01-01T00:00:00Z"


class _DaskReader(FileReader):
    def _read(self, wanted: Sequence[Wanted]) -> list[Numbers]:
        return [self._numbers(window) for window in wanted]

    def _numbers(self, wanted: Wanted) -> Numbers:
        values = self._values(wanted)
        return Numbers(values, np.full(values.shape[:2], np.nan, np.float32))

    def _values(self, wanted: Wanted) -> Float32Array:
        items, assets, box = wanted.items, wanted.assets, wanted.geobox
        try:
            return self._compute(wanted)
        except (RuntimeError, OSError, rasterio.errors.RasterioError) as error:
            if len(items) * len(assets) == 1:
                raise self.access.meaning(error, items[0], assets[0]) from error
        # one by one, to name the one that fails
        parts = [[self._values(Wanted([i], [key], box)) for key in assets] for i in items]
        return np.concatenate([np.concatenate(row, axis=1) for row in parts])

    def _compute(self, wanted: Wanted) -> Float32Array:
        items, assets, box = wanted.items, wanted.assets, wanted.geobox
        files = [item.assets[key] for item, key in wanted.files]
        special = any(asset.masked or asset.band or asset.transform[4] > 0 for asset in files)
        place = self._place(wanted)
        if special or not box.crs.epsg or not box.crs.projected:
            with gdal_env(self.access.s3, place):
                windows = [self._window(asset, box) for asset in files]
            return np.stack(windows).reshape(len(items), len(assets), *box.shape)
        with gdal_env(self.access.s3, place), self._scheduler(place):
            return np.asarray(self._graph(items, assets, box).compute(), dtype=np.float32)

    def _window(self, asset: Asset, box: GeoBox) -> Float32Array:
        own = asset.href.startswith(OWN)
        with open_raster(self.access.locate(asset.href), own=own) as raster:
            return read_float(raster, asset, box)

    @contextmanager
    def _scheduler(self, place: str) -> Iterator[None]:
        """Have Dask compute in this thread, or in others that are set up as it is."""
        if self.threads == 1:
            with dask.config.set(scheduler="synchronous"):
                yield
            return
        # GDAL's options are of a thread, and odc-stac hands on none that concern buckets
        with (
            ThreadPoolExecutor(self.threads, "", self._enter, (place,)) as pool,
            dask.config.set(scheduler="threads", pool=pool),
        ):
            yield

    def _enter(self, place: str) -> None:
        gdal_env(self.access.s3, place).__enter__()

    @abstractmethod
    def _graph(self, items: Sequence[Item], assets: Sequence[str], box: GeoBox) -> da.Array:
        """Have the library build the array, (item, asset, y, x), without reading yet."""

    def _document(self, item: Item, assets: Sequence[str], name: str) -> dict[str, Any]:
        """Build a fresh STAC item with both spellings of the CRS, old for stackstac."""
        return {
            "type": "Feature",
            "stac_version": "1.0.0",
            "stac_extensions": ["https://stac-extensions.github.io/projection/v1.1.0/schema.json"],
            "id": name,
            "geometry": None,
            "bbox": [-180.0, -90.0, 180.0, 90.0],
            "links": [],
            "properties": {"datetime": item.datetime or LONG_AGO},
            "assets": {key: self._asset(item.assets[key]) for key in assets},
        }

    def _asset(self, asset: Asset) -> dict[str, Any]:
        epsg = re.fullmatch(r"EPSG:(\d+)", asset.crs)
        crs = {"proj:epsg": int(epsg[1])} if epsg else {"proj:epsg": None, "proj:wkt2": asset.crs}
        return {
            "href": self.access.locate(asset.href),
            "type": "image/tiff; application=geotiff",
            "proj:shape": list(asset.shape),
            "proj:transform": list(asset.transform),
            **crs,
        }


class StackstacReader(_DaskReader):
    """stackstac."""

    def _graph(self, items: Sequence[Item], assets: Sequence[str], box: GeoBox) -> da.Array:
        documents = [self._document(item, assets, str(n)) for n, item in enumerate(items)]
        options = gdal_options(self._place(Wanted(items, assets, box)))
        # explicit epsg, bounds and resolution: left to itself stackstac moves the grid
        return stackstac.stack(
            documents,
            assets=list(assets),
            epsg=int(box.crs.epsg),
            bounds=tuple(box.boundingbox),
            resolution=(box.affine.a, -box.affine.e),
            snap_bounds=False,
            resampling=Resampling.nearest,
            dtype=np.dtype("float32"),
            fill_value=np.float32("nan"),
            rescale=False,
            sortby_date=False,
            chunksize=2048,
            xy_coords=False,
            properties=False,
            band_coords=False,
            # left to itself stackstac takes a file that is missing for nodata
            errors_as_nodata=(),
            gdal_env=stackstac.DEFAULT_GDAL_ENV.updated(always=options, open=options),
        ).data


class OdcReader(_DaskReader):
    """odc-stac."""

    def _graph(self, items: Sequence[Item], assets: Sequence[str], box: GeoBox) -> da.Array:
        documents = [
            pystac.Item.from_dict(self._document(item, assets, f"{n:06d}"))
            for n, item in enumerate(items)
        ]
        cube = odc.stac.load(
            documents,
            bands=list(assets),
            geobox=box,
            groupby="id",
            resampling="nearest",
            dtype="float32",
            nodata=float("nan"),
            chunks={"x": 2048, "y": 2048},
            fail_on_error=True,
        )
        return cube[list(assets)].to_dataarray().transpose(..., "y", "x").data.swapaxes(0, 1)
