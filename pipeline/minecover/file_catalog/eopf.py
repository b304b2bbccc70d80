"""Products of Sentinel-2 in ESA's Zarr format (EOPF): folders called .zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import zarr

from minecover.errors import DataError
from minecover.file_catalog.names import OPTICAL
from minecover.file_catalog.scene import Scene, image_of
from minecover.sources.catalog import item_time
from minecover.sources.item_document import ItemError, tidied
from minecover.sources.sentinel2 import SCL, Sentinel2
from minecover.sources.zarr_images import READING_ERRORS

__all__ = ["is_store", "scene_of_store"]

SCENE_CLASSES = "conditions/mask/l2a_classification/r20m/scl"

PROPERTIES = ("platform", "eo:cloud_cover", "processing:version", "view:sun_elevation")
"""Of what the product says of itself, what its item gets."""


def is_store(path: Path) -> bool:
    """Tell whether a folder is a Zarr store."""
    return path.suffix == ".zarr" and path.is_dir()


def scene_of_store(path: Path) -> Scene:
    """Give the scene of a product.

    Raises
    ------
    DataError
        It is no product of Level-2A, incomplete or damaged.
    """
    said = _discovery(path)
    item = tidied({"id": path.stem, **said})
    places = {band.name: _place(band.assets[-1]) for band in Sentinel2.bands}
    places[SCL] = SCENE_CLASSES
    images = {band: image_of(path / place) for band, place in places.items()}
    properties = {key: item["properties"][key] for key in PROPERTIES if key in item["properties"]}
    return Scene(path.stem, OPTICAL, item_time(item).replace(microsecond=0), images, properties)


def _place(name: str) -> str:
    """Array of a band at its own resolution, of its name and pixels as B02_10m."""
    band, _, pixel = name.partition("_")
    return f"measurements/reflectance/r{pixel}/{band.lower()}"


def _discovery(path: Path) -> dict[str, Any]:
    try:
        root = zarr.open_group(path, mode="r")
        said = root.attrs.asdict().get("stac_discovery")
    except READING_ERRORS as error:
        raise DataError(f"{path}: it cannot be read as a Zarr store: {error}") from error
    if not isinstance(said, dict):
        raise ItemError(f"{path}: it is no product of EOPF (its root has no stac_discovery)")
    return said
