"""Tiny static STAC catalogs of rasters, written for a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from affine import Affine

from minecover.geography.grid import Grid, Window
from minecover.sources.freeze import freeze
from minecover.sources.locate import Locator
from minecover.sources.manifest import ALWAYS, Manifest
from minecover.sources.reader import open_reader
from minecover.sources.registry import sources_of
from minecover.sources.sentinel2 import Sentinel2
from minecover.sources.source import Scenes, Source, arrays_of, own_files
from minecover.stages.cube import CubeJob
from minecover.storage.names import CUBE_RASTER
from minecover.storage.raster import Raster
from minecover.storage.raster_array import RasterArray, names_of
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

Array = npt.NDArray[Any]

EPSG = 32649
BANDS = tuple(band.name for band in Sentinel2.bands)
LEFT, TOP = 500_000.0, 4_400_000.0
"""Corner of the scenes, a multiple of 20 m."""


def write_raster(
    path: Path,
    array: Array,
    *,
    left: float = LEFT,
    top: float = TOP,
    pixel: float = 10.0,
    crs: Any = EPSG,
    nodata: float | None = 0,
) -> Affine:
    """Write one band as a tiled GeoTIFF; return its affine."""
    affine = Affine(pixel, 0, left, 0, -pixel, top)
    height, width = array.shape
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=1, dtype=array.dtype,
        crs=rasterio.CRS.from_user_input(crs), transform=affine, nodata=nodata,
        tiled=True, blockxsize=64, blockysize=64, compress="deflate",
    ) as raster:  # fmt: skip
        raster.write(array, 1)
    return affine


class CatalogWriter:
    """Builds a catalog in a folder: `item` for each item, then `write`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.items: dict[str, list[dict[str, Any]]] = {}

    def item(
        self,
        collection: str,
        name: str,
        when: str,
        rasters: dict[str, Array],
        *,
        left: float = LEFT,
        top: float = TOP,
        pixels: dict[str, float] | float = 10.0,
        crs: int = EPSG,
        nodata: float | None = 0,
        **properties: Any,
    ) -> dict[str, Any]:
        """Write the rasters of an item and describe it; the document may be changed afterwards."""
        assets = {}
        for key, array in rasters.items():
            pixel = pixels if isinstance(pixels, float) else pixels.get(key, 10.0)
            affine = write_raster(
                self.folder / collection / name / f"{key}.tif", array,
                left=left, top=top, pixel=pixel, crs=crs, nodata=nodata,
            )  # fmt: skip
            assets[key] = {
                "href": f"./{key}.tif",
                "proj:shape": list(array.shape),
                "proj:transform": list(affine)[:6],
            }
        width, height = array.shape[1] * pixel, array.shape[0] * pixel
        to_degrees = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
        bbox = to_degrees.transform_bounds(left, top - height, left + width, top)
        document = {
            "type": "Feature",
            "stac_version": "1.1.0",
            "id": name,
            "collection": collection,
            "geometry": None,
            "bbox": list(bbox),
            "properties": {"datetime": when, "proj:code": f"EPSG:{crs}", **properties},
            "assets": assets,
            "links": [],
        }
        self.items.setdefault(collection, []).append(document)
        return document

    def sentinel2(self, name: str, when: str, dn: Array, **more: Any) -> dict[str, Any]:
        """Write a Sentinel-2 item whose ten bands all hold `dn`, unless `rasters` says more."""
        rasters = dict.fromkeys(BANDS, dn) | more.pop("rasters", {})
        more.setdefault("s2:processing_baseline", "03.00")
        more.setdefault("platform", "sentinel-2a")
        return self.item("sentinel-2-l2a", name, when, rasters, **more)

    def write(self) -> Path:
        """Write the documents; return the path of `catalog.json`."""
        children = []
        for collection, items in self.items.items():
            folder = self.folder / collection
            links = []
            for item in items:
                (folder / item["id"]).mkdir(parents=True, exist_ok=True)
                (folder / item["id"] / "item.json").write_text(json.dumps(item))
                links.append({"rel": "item", "href": f"./{item['id']}/item.json"})
            boxes = np.array([item["bbox"] for item in items])
            extent = [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()]
            document = {
                "type": "Collection",
                "id": collection,
                "stac_version": "1.1.0",
                "extent": {"spatial": {"bbox": [extent]}},
                "links": links,
            }
            (folder / "collection.json").write_text(json.dumps(document))
            children.append({"rel": "child", "href": f"./{collection}/collection.json"})
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "catalog.json"
        path.write_text(
            json.dumps(
                {"type": "Catalog", "id": "tiny", "stac_version": "1.1.0", "links": children}
            )
        )
        return path


def survey_over(
    where: Path | str,
    size: tuple[int, int] = (64, 64),
    *,
    seasons: dict[str, Any] | None = None,
    left: float = LEFT,
    top: float = TOP,
    **sections: Any,
) -> Survey:
    """Survey on a grid of `size` rows and columns of 10 m from the scenes' corner."""
    bounds = (left, top - 10 * size[0], left + 10 * size[1], top)
    sources = {"sentinel2": {"scl": None}} | sections.pop("sources", {})
    catalog_section = {"url": str(where)} | sections.pop("catalog", {})
    return Survey.model_validate(
        {
            "name": "tiny",
            "area": {"bbox": bounds, "crs": f"EPSG:{EPSG}"},
            "grid": {"crs": f"EPSG:{EPSG}", "tile": 64},
            "seasons": seasons or {"summer": ["2021-06-01/2021-08-31"]},
            "catalog": catalog_section,
            "sources": sources,
            "classes": [
                {"code": 1, "name": "ground", "colour": "#000000"},
                {"code": 2, "name": "mine", "colour": "#ffffff"},
            ],
            "samples": {"path": "none.csv"},
        }
        | sections
    )


def frozen(survey: Survey, grid: Grid | None = None) -> Manifest:
    """Look the items of a survey up."""
    grid = grid or survey_grid(survey)
    return freeze(sources_of(survey.sources), survey.catalog, survey.seasons, grid)


def locator_of(survey: Survey) -> Locator:
    """What opens the links of a survey's manifest."""
    return Locator(survey.catalog, own_files(sources_of(survey.sources)))


def source_of(survey: Survey, name: str) -> Source[Any]:
    """One source of a survey."""
    return next(source for source in sources_of(survey.sources) if source.name == name)


def scenes_of(
    survey: Survey, source: str, season: str = ALWAYS, manifest: Manifest | None = None
) -> Scenes:
    """What a source composes on the whole grid of a survey."""
    grid = survey_grid(survey)
    items = (manifest or frozen(survey, grid)).items(source, season)
    reader = open_reader(survey.catalog.reader, locator_of(survey))
    return Scenes(reader, items, grid, Window(0, grid.shape[0], 0, grid.shape[1]))


def arrays_of_cube(survey: Survey) -> tuple[RasterArray, ...]:
    """Arrays of a survey's cube."""
    return arrays_of(sources_of(survey.sources), survey.seasons)


def cube_names(survey: Survey) -> tuple[str, ...]:
    """Names of the layers of a survey's cube."""
    return names_of(arrays_of_cube(survey))


def cube_of(survey: Survey, folder: Path) -> Array:
    """Build the cube of a survey, tile by tile; (layer, y, x)."""
    grid, store = survey_grid(survey), Store(str(folder))
    frozen(survey, grid).save(store)
    store.create_layers(CUBE_RASTER, grid, arrays_of_cube(survey), {})
    job = CubeJob(str(folder), survey)
    for tile in grid.tiles:
        job(tile)
    return whole_of(store.layers(CUBE_RASTER))


def whole_of(raster: Raster) -> Array:
    """All layers of a raster on its whole grid."""
    height, width = raster.shape
    return raster.read(Window(0, height, 0, width))
