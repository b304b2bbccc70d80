"""What an item's own record says of an asset's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minecover.sources.item_document import number_in

__all__ = ["Recorded", "recorded"]


@dataclass(frozen=True)
class Recorded:
    """Scale, offset and nodata; the offset is in physical units and added last.

    `is_float` tells whether the numbers are recorded to be no integers.
    """

    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    is_float: bool = False


def recorded(asset: Mapping[str, Any]) -> Recorded:
    """Read `raster:bands`, `bands` (STAC 1.1) or the asset itself, the first that has the field."""
    places = (*_bands(asset, "raster:bands"), *_bands(asset, "bands"), asset)

    def first(*keys: str) -> float | None:
        found = (number_in(place.get(key)) for place in places for key in keys)
        return next((number for number in found if number is not None), None)

    kinds = [str(place["data_type"]) for place in places if "data_type" in place]
    return Recorded(
        first("scale", "raster:scale"),
        first("offset", "raster:offset"),
        first("nodata"),
        kinds[:1] in (["float16"], ["float32"], ["float64"]),
    )


def _bands(asset: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Give the first band, or none."""
    bands = asset.get(key)
    first = bands[:1] if isinstance(bands, list) else []
    return [band for band in first if isinstance(band, Mapping)]
