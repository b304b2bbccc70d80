"""What an item's own record says of an asset's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Recorded", "recorded"]


@dataclass(frozen=True)
class Recorded:
    """Scale, offset and nodata; the offset is in physical units and added last."""

    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None


def recorded(asset: Mapping[str, Any]) -> Recorded:
    """Read `raster:bands`, `bands` (STAC 1.1) or the asset itself, the first that has the field."""
    places = (*asset.get("raster:bands", [])[:1], *asset.get("bands", [])[:1], asset)

    def first(*keys: str) -> float | None:
        for place in places:
            for key in keys:
                if isinstance(place.get(key), int | float):
                    return float(place[key])
        return None

    return Recorded(
        first("scale", "raster:scale"), first("offset", "raster:offset"), first("nodata")
    )
