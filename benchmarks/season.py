"""A simulated season of Sentinel-2 on disk: noise as real images have it, tiled and deflated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from affine import Affine

from minecover.sources.sentinel2 import Sentinel2
from minecover.survey import Survey

__all__ = ["BANDS", "DATES", "EDGE", "EPSG", "LEFT", "TOP", "survey_of", "write_season"]

EDGE = 2048
"""Pixels of 10 m along a side of the images."""

DATES = 8
EPSG, LEFT, TOP = 32649, 500_000.0, 4_400_000.0
FINE = ("B02", "B03", "B04", "B08")
BANDS = tuple(band.name for band in Sentinel2.bands)
BLOCK = 512


def _noise(rng: np.random.Generator, edge: int, level: float) -> npt.NDArray[np.uint16]:
    """Draw digital numbers whose last six bits are noise, on ground that varies slowly."""
    y, x = np.mgrid[:edge, :edge] / edge
    ground = level * (1 + 0.3 * np.sin(7 * x + 3 * y) * np.cos(5 * y))
    return (1000 + ground + rng.normal(0, 60, (edge, edge))).clip(1, 10_000).astype(np.uint16)


def _classes(rng: np.random.Generator, edge: int) -> npt.NDArray[np.uint8]:
    """Draw a scene classification with patches of cloud of 1.3 km over a third of it."""
    cells = -(-edge // 64)
    cloud = np.kron(rng.random((cells, cells)) < 0.33, np.ones((64, 64), bool))[:edge, :edge]
    return np.where(cloud, 9, rng.integers(4, 7, (edge, edge))).astype(np.uint8)


def _write(path: Path, array: npt.NDArray[Any], pixel: float) -> dict[str, Any]:
    affine = Affine(pixel, 0, LEFT, 0, -pixel, TOP)
    with rasterio.open(
        path, "w", driver="GTiff", height=len(array), width=len(array), count=1,
        dtype=array.dtype, crs=EPSG, transform=affine, nodata=0, tiled=True, blockxsize=BLOCK,
        blockysize=BLOCK, compress="deflate", predictor=2, zlevel=1,
    ) as raster:  # fmt: skip
        raster.write(array, 1)
    shape, transform = list(array.shape), list(affine)[:6]
    return {"href": f"./{path.name}", "proj:shape": shape, "proj:transform": transform}


def write_season(folder: Path, edge: int = EDGE, dates: int = DATES) -> Path:
    """Write the images of a season and their catalog.

    Returns
    -------
    Path of `catalog.json`; the documents of the items lie beside their files.
    """
    to_degrees = pyproj.Transformer.from_crs(EPSG, 4326, always_xy=True)
    bbox = to_degrees.transform_bounds(LEFT, TOP - 10 * edge, LEFT + 10 * edge, TOP)
    links = []
    for date in range(dates):
        rng, own = np.random.default_rng(date), folder / f"date-{date}"
        own.mkdir(parents=True)
        assets = {}
        for n, band in enumerate(BANDS):
            pixel = 10.0 if band in FINE else 20.0
            array = _noise(rng, round(10 * edge / pixel), 800.0 + 250 * n)
            assets[band] = _write(own / f"{band}.tif", array, pixel)
        assets["SCL"] = _write(own / "SCL.tif", _classes(rng, edge // 2), 20.0)
        (own / "item.json").write_text(json.dumps(_item(own.name, date, bbox, assets)))
        links.append({"rel": "item", "href": f"./{own.name}/item.json"})
    collection = {
        "type": "Collection", "id": "sentinel-2-l2a", "stac_version": "1.1.0",
        "extent": {"spatial": {"bbox": [list(bbox)]}}, "links": links,
    }  # fmt: skip
    (folder / "collection.json").write_text(json.dumps(collection))
    child = {"rel": "child", "href": "./collection.json"}
    catalog = {"type": "Catalog", "id": "season", "stac_version": "1.1.0", "links": [child]}
    path = folder / "catalog.json"
    path.write_text(json.dumps(catalog))
    return path


def _item(name: str, date: int, bbox: tuple[float, ...], assets: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": name, "collection": "sentinel-2-l2a",
        "geometry": None, "bbox": list(bbox), "assets": assets, "links": [],
        "properties": {
            "datetime": f"2021-06-{3 * date + 1:02d}T03:00:00Z",
            "proj:code": f"EPSG:{EPSG}",
            "platform": "sentinel-2a",
            "s2:processing_baseline": "05.00",
            "minecover:simulated": True,
        },
    }  # fmt: skip


def survey_of(
    url: str, store: Path, *, edge: int = EDGE, tile: int = 1024, threads: int = 1
) -> Survey:
    """Survey of the season on a grid of `edge` pixels of 10 m from the images' corner."""
    bounds = (LEFT, TOP - 10 * edge, LEFT + 10 * edge, TOP)
    return Survey.model_validate(
        {
            "name": "season",
            "area": {"bbox": bounds, "crs": f"EPSG:{EPSG}"},
            "grid": {"crs": f"EPSG:{EPSG}", "tile": tile},
            "seasons": {"summer": ["2021-06-01/2021-08-31"]},
            "catalog": {"url": url},
            "sources": {"sentinel2": {}},
            "classes": [
                {"code": 1, "name": "ground", "colour": "#000000"},
                {"code": 2, "name": "mine", "colour": "#ffffff"},
            ],
            "samples": {"path": "none.csv"},
            "store": str(store),
            "engine": {"threads": threads},
        }
    )
