"""An item's document, made safe to look into: catalogs hold what generators really write.

Tables of items (GeoParquet) give null for every field that one item lacks, migrations leave texts
where numbers belong, and one item of thousands has no place. Here null is the same as absent, and
what has the wrong shape is absent too. What is then missing is a fault of that item alone
(`ItemError`): it is left out of the survey and named, and the others are used.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import shapely
from shapely.errors import ShapelyError

from minecover.errors import DataError
from minecover.sources.links import is_link

__all__ = ["Document", "ItemError", "links_of", "number_in", "tidied"]

LONGEST_NAME = 250
"""Characters of an item's id: it is in every message about the item."""

Document = dict[str, Any]
"""Of a STAC item or collection."""


class ItemError(DataError):
    """What one item's document or files lack: the item is left out, and named with this text."""


def tidied(raw: Mapping[str, Any]) -> Document:
    """Give an item's document without nulls and without what has the wrong shape.

    Returns
    -------
    `id` is a short text; `properties`, `assets` and `links`, each with an address, are there,
    maybe empty; `bbox` is four or six numbers, from the geometry where the item has no other, or
    is not there.
    """
    assets = {
        str(key): _without_nulls(asset)
        for key, asset in _mapping(raw.get("assets")).items()
        if isinstance(asset, Mapping) and is_link(asset.get("href"))
    }
    item = {
        **raw,
        "id": _name(raw.get("id")),
        "properties": _without_nulls(_mapping(raw.get("properties"))),
        "assets": assets,
        "links": links_of(raw),
    }
    bbox = _box(raw.get("bbox")) or _bounds_of(raw.get("geometry"))
    item.pop("bbox", None)
    return item if bbox is None else {**item, "bbox": bbox}


def links_of(document: Mapping[str, Any]) -> list[Document]:
    """Links of a document that have an address."""
    links = document.get("links")
    return [
        link
        for link in (links if isinstance(links, list) else ())
        if isinstance(link, dict) and is_link(link.get("href"))
    ]


def number_in(value: object) -> float | None:
    """Read a finite number, also one that was written as a text; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _name(value: object) -> str:
    """Name of an item; one that is no short text is replaced by its digest."""
    if isinstance(value, str) and len(value) <= LONGEST_NAME:
        return value
    if isinstance(value, int) and abs(value) < 10**LONGEST_NAME:
        return str(value)
    return f"unnamed-{hashlib.sha256(repr(value).encode()).hexdigest()[:12]}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _without_nulls(fields: Mapping[str, Any]) -> Document:
    return {key: value for key, value in fields.items() if value is not None}


def _box(value: object) -> list[float] | None:
    """Read a bounding box; GeoParquet has it as a record of four fields."""
    if isinstance(value, Mapping):
        value = [value.get(key) for key in ("xmin", "ymin", "xmax", "ymax")]
    if not isinstance(value, list) or len(value) not in (4, 6):
        return None
    numbers = [number_in(number) for number in value]
    return None if None in numbers else [number for number in numbers if number is not None]


def _bounds_of(geometry: object) -> list[float] | None:
    try:
        shape = shapely.geometry.shape(geometry)
    except (ShapelyError, AttributeError, KeyError, TypeError, ValueError):
        return None
    return None if shape.is_empty else list(shape.bounds)
