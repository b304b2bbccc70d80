"""Products of Sentinel-2 as ESA delivers them: folders called .SAFE with one granule or several."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from minecover.errors import DataError
from minecover.file_catalog.names import OPTICAL
from minecover.file_catalog.scene import Image, Scene, image_of
from minecover.sources.bands import Band
from minecover.sources.item_document import ItemError, number_in
from minecover.sources.sentinel2 import SCL, Sentinel2

__all__ = ["is_product", "scenes_of_product"]

GRANULE = "MTD_TL.xml"
PRODUCT = "MTD_MSIL2A.xml"

LARGEST = 16 * 2**20
"""Bytes of metadata that are read at most."""

CODES = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
"""Bands in the order of `band_id` of the metadata."""


def is_product(path: Path) -> bool:
    """Tell whether a folder is a product."""
    return path.suffix.upper() == ".SAFE" and path.is_dir()


def scenes_of_product(product: Path) -> Iterator[Scene]:
    """Give the scene of each granule of a product.

    Raises
    ------
    DataError
        It is of Level-1C, incomplete or damaged; the message says what to do.
    """
    if "_MSIL1C_" in product.name:
        raise ItemError(
            f"{product.name}: it is of Level-1C; only Level-2A is surface reflectance: download "
            "that, or run Sen2Cor"
        )
    granules = sorted(path.parent for path in product.glob(f"GRANULE/*/{GRANULE}"))
    if not granules:
        raise ItemError(
            f"{product.name}: it has no GRANULE/*/{GRANULE}; download the product again, whole"
        )
    for granule in granules:
        name = product.stem if len(granules) == 1 else granule.name
        yield _scene(product, granule, name)


def _scene(product: Path, granule: Path, name: str) -> Scene:
    facts = _parsed(granule / GRANULE)
    offsets = _offsets(product / PRODUCT)
    baseline = re.search(r"_N(\d\d\.\d\d)$", _text(facts, "TILE_ID"))
    if baseline is None:
        raise ItemError(f"{name}: {GRANULE} says no processing baseline; download it again")
    sun = facts.find(".//Mean_Sun_Angle")
    properties = {
        "s2:processing_baseline": baseline[1],
        "s2:product_uri": product.name,
        "platform": f"sentinel-{name[1:3].lower()}",
        "eo:cloud_cover": number_in(_text(facts, "CLOUDY_PIXEL_PERCENTAGE")),
        "view:sun_azimuth": None if sun is None else number_in(sun.findtext("AZIMUTH_ANGLE")),
        "view:sun_elevation": _elevation(sun),
    }
    images = {band.name: _image(granule, band, offsets) for band in Sentinel2.bands}
    images[SCL] = image_of(_file(granule, f"{SCL}_20m"))
    known = {key: value for key, value in properties.items() if value is not None}
    return Scene(name, OPTICAL, _moment(facts, name), images, known)


def _image(granule: Path, band: Band, offsets: dict[str, tuple[float, float]]) -> Image:
    """Open a band at its own resolution, the last of the names that providers give it."""
    image = image_of(_file(granule, band.assets[-1]))
    scale, offset = offsets.get(band.feature, (None, None))
    return Image(image.path, image.header, None, scale, offset)


def _file(granule: Path, ending: str) -> Path:
    """Find an image of a granule by how its name ends, as B02_10m."""
    for path in sorted(granule.glob(f"IMG_DATA/R{ending.rpartition('_')[2]}/*_{ending}.*")):
        if path.suffix.lower() in (".jp2", ".tif", ".tiff"):
            return path
    raise ItemError(
        f"{granule.parent.parent.name}: it has no image of {ending}; download the product again, "
        "whole"
    )


def _offsets(path: Path) -> dict[str, tuple[float, float]]:
    """Scale and offset of each band as the product records them; none without its metadata."""
    if not path.is_file():
        return {}
    facts = _parsed(path)
    value = number_in(facts.findtext(".//BOA_QUANTIFICATION_VALUE")) or 10_000.0
    added = {
        CODES[int(node.get("band_id", "-1"))]: number_in(node.text) or 0.0
        for node in facts.iter("BOA_ADD_OFFSET")
    }
    return {code: (1 / value, added.get(code, 0.0) / value) for code in CODES}


def _parsed(path: Path) -> ElementTree.Element:
    """Read metadata, which is data and not trusted.

    Raises
    ------
    DataError
        It is no XML, or declares entities, which no product does.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= LARGEST else b"<!DOCTYPE"
        if b"<!DOCTYPE" in data:
            raise DataError(f"{path}: this is no metadata of a product; download it again")
        return ElementTree.fromstring(data)
    except (OSError, ElementTree.ParseError) as error:
        raise DataError(f"{path}: it cannot be read: {error}; download it again") from error


def _text(facts: ElementTree.Element, name: str) -> str:
    return (facts.findtext(f".//{name}") or "").strip()


def _moment(facts: ElementTree.Element, name: str) -> dt.datetime:
    text = _text(facts, "SENSING_TIME")
    try:
        return dt.datetime.fromisoformat(text).replace(microsecond=0).astimezone(dt.UTC)
    except ValueError as error:
        raise ItemError(f"{name}: {GRANULE} says no SENSING_TIME; download it again") from error


def _elevation(sun: ElementTree.Element | None) -> float | None:
    zenith = None if sun is None else number_in(sun.findtext("ZENITH_ANGLE"))
    return None if zenith is None else 90.0 - zenith
