"""Scenes as STAC documents, with relative links."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

import shapely

from minecover.file_catalog.scene import Image, Scene
from minecover.simulated import PROPERTY
from minecover.sources.bands import BAND
from minecover.sources.header import Header
from minecover.sources.item_document import Document
from minecover.sources.zarr_images import is_zarr

__all__ = ["catalog_of", "collection_of", "file_name", "item_of"]

VERSION = "1.1.0"

EXTENSIONS = [
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
]

MEDIA = {".jp2": "image/jp2"}

WGS84 = "EPSG:4326"


def file_name(scene: Scene) -> str:
    """Name of the document of a scene."""
    return re.sub(r"[^\w.-]", "_", scene.id) + ".json"


def item_of(scene: Scene, place: Path) -> Document:
    """Describe a scene.

    Parameters
    ----------
    scene
        With its images.
    place
        Of the document: links begin there.
    """
    headers = [image.header for image in scene.images.values()]
    boxes = [header.grid(scene.id).bounds(WGS84) for header in headers]
    bounds = shapely.box(*shapely.union_all([shapely.box(*box) for box in boxes]).bounds)
    simulated = {PROPERTY: True} if any(header.simulated for header in headers) else {}
    when = scene.moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": EXTENSIONS,
        "id": scene.id,
        "collection": scene.collection,
        "geometry": shapely.geometry.mapping(bounds),
        "bbox": list(bounds.bounds),
        "properties": {"datetime": when, **scene.properties, **simulated},
        "assets": {band: _asset(image, place) for band, image in sorted(scene.images.items())},
        "links": [{"rel": "collection", "href": "../collection.json", "type": "application/json"}],
    }


def _asset(image: Image, place: Path) -> Document:
    header = image.header
    values = {
        "data_type": header.data_type,
        "nodata": _nodata(header),
        "scale": image.scale,
        "offset": image.offset,
    }
    grid = header.grid(str(image.path))
    named = {"proj:code": grid.crs} if grid.crs.startswith("EPSG:") else {"proj:wkt2": grid.crs}
    number = {} if image.number is None else {BAND: image.number}
    return {
        "href": Path(os.path.relpath(image.path, place.parent)).as_posix(),
        "type": _media(image.path),
        "roles": ["data"],
        **named,
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.as_stored),
        "raster:bands": [{key: value for key, value in values.items() if value is not None}],
        **number,
    }


def _media(path: Path) -> str:
    if is_zarr(str(path)):
        return "application/vnd+zarr"
    return MEDIA.get(path.suffix.lower(), "image/tiff; application=geotiff")


def _nodata(header: Header) -> float | str | None:
    """Nodata as the raster extension writes it."""
    value = header.nodata
    return value if value is None or math.isfinite(value) else str(value).replace("inf", "infinity")


def collection_of(name: str, scenes: Sequence[Scene], items: Sequence[Document]) -> Document:
    """Describe the collection of some scenes, which are its items in the folder `items`."""
    boxes = [item["bbox"] for item in items]
    times = sorted(item["properties"]["datetime"] for item in items)
    extent = [min(b[0] for b in boxes), min(b[1] for b in boxes)]
    extent += [max(b[2] for b in boxes), max(b[3] for b in boxes)]
    return {
        "type": "Collection",
        "stac_version": VERSION,
        "id": name,
        "description": f"{name}: images of a folder, by minecover catalog from-files.",
        "license": "other",
        "extent": {
            "spatial": {"bbox": [extent]},
            "temporal": {"interval": [[times[0], times[-1]]]},
        },
        "links": [
            {"rel": "item", "href": f"./items/{file_name(scene)}", "type": "application/geo+json"}
            for scene in scenes
        ],
    }


def catalog_of(folder: str, collections: Sequence[str], mark: dict[str, str]) -> Document:
    """Describe the catalog of some collections, which lie in a folder of their name.

    The same whatever items there are: a survey that has looked it up once is not of another
    catalog because images were added.
    """
    return {
        "type": "Catalog",
        "stac_version": VERSION,
        "id": "files",
        "description": "Images of this folder.",
        **mark,
        "links": [
            {"rel": "child", "href": f"./{folder}/{name}/collection.json"}
            for name in sorted(collections)
        ],
    }
