"""Readers: a library that reads windows of items' own rasters.

A reader only reads. Masks, offsets and resampling follow in `observe`, on what it returned, so
that every reader gives the same cube. Both libraries build a small Dask graph for the window and
compute it right here, on threads of the worker: they are never part of a larger graph.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Protocol

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
from minecover.sources.access import FileAccess
from minecover.sources.checksum import verify
from minecover.sources.direct import read_window
from minecover.sources.gdal import gdal_env, gdal_options
from minecover.sources.manifest import Asset, Item
from minecover.storage.location import is_url
from minecover.storage.s3 import AMAZON, S3Access

__all__ = ["OdcReader", "Reader", "StackstacReader", "open_reader"]

Locate = Callable[[str], str]

LONG_AGO = "1970-01-01T00:00:00Z"


class Reader(Protocol):
    """Reads windows of rasters that share one grid.

    Attributes
    ----------
    pixels
        Read so far, over all items and assets.
    """

    pixels: int

    def read(self, items: Sequence[Item], assets: Sequence[str], geobox: GeoBox) -> Float32Array:
        """Read a window.

        Parameters
        ----------
        items
            Whose named assets all lie on one grid.
        assets
            Keys of `Item.assets`.
        geobox
            Window of that grid: no resampling takes place.

        Returns
        -------
        (item, asset, y, x) float32 digital numbers, NaN where the file says nodata.

        Raises
        ------
        DataError
            A file is missing, truncated or damaged; names item, asset and link.
        SurveyError
            A server refuses this file and others: it rejects the credentials.
        TryAgainError
            A server does not answer, or this worker has no files, memory or threads left.
        """


def open_reader(
    kind: str,
    locate: Locate,
    threads: int = 1,
    others: Sequence[Item] = (),
    s3: S3Access = AMAZON,
) -> Reader:
    """Build the reader that the survey names in `catalog.reader`.

    Parameters
    ----------
    kind
        `stackstac` or `odc-stac`.
    locate
        Turns a link of the manifest into what GDAL opens.
    threads
        Threads that read; 1: the calling one.
    others
        Items whose files are tried where a server refuses one: see `FileAccess`.
    s3
        How buckets are reached.
    """
    access = FileAccess(locate, others, s3)
    return {"stackstac": StackstacReader, "odc-stac": OdcReader}[kind](access, threads)


class _DaskReader(ABC):
    def __init__(self, access: FileAccess, threads: int) -> None:
        self.access = access
        self.threads = threads
        self.pixels = 0

    def read(self, items: Sequence[Item], assets: Sequence[str], geobox: GeoBox) -> Float32Array:
        """Read a window; see `Reader.read`."""
        self._verify(items, assets)
        try:
            values = self._compute(items, assets, geobox)
            self.pixels += values.size
            return values
        except (RuntimeError, OSError, rasterio.errors.RasterioError) as error:
            if len(items) * len(assets) == 1:
                raise self.access.meaning(error, items[0], assets[0]) from error
        # one by one, to name the one that fails
        parts = [[self.read([item], [asset], geobox) for asset in assets] for item in items]
        return np.concatenate([np.concatenate(row, axis=1) for row in parts])

    def _verify(self, items: Sequence[Item], assets: Sequence[str]) -> None:
        for item, key in product(items, assets):
            asset = item.assets[key]
            if asset.checksum is not None and not is_url(asset.href):
                where = f"item {item.id}, asset {key}"
                verify(Path(self.access.locate(asset.href)), asset.checksum, where)

    def _compute(self, items: Sequence[Item], assets: Sequence[str], box: GeoBox) -> Float32Array:
        chosen = [[item.assets[key] for key in assets] for item in items]
        special = any(asset.masked or asset.band for row in chosen for asset in row)
        if special or not box.crs.epsg or not box.crs.projected:
            return np.stack([[self._window(asset, box) for asset in row] for row in chosen])
        place = self._place(items, assets)
        with gdal_env(self.access.s3, place), self._scheduler(place):
            return np.asarray(self._graph(items, assets, box).compute(), dtype=np.float32)

    def _window(self, asset: Asset, box: GeoBox) -> Float32Array:
        return read_window(self.access.locate(asset.href), asset, box, self.access.s3)

    def _place(self, items: Sequence[Item], assets: Sequence[str]) -> str:
        """One of the files, for all: they lie on a disk, or far away."""
        return self.access.locate(items[0].assets[assets[0]].href)

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
        options = gdal_options(self._place(items, assets))
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
