"""The mark of data that was simulated: in a catalog, in a raster, and in all that is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["PROPERTY", "TAG", "is_marked", "is_tagged", "simulation_tags"]

PROPERTY = "minecover:simulated"
"""Property of a STAC item, true where its assets were simulated."""

TAG = "SIMULATED"
"""Metadata item of a raster (GDAL), YES where it was simulated."""


def is_marked(item: Mapping[str, Any]) -> bool:
    """Tell whether a STAC item says that its data was simulated."""
    return (item.get("properties") or {}).get(PROPERTY) is True


def is_tagged(tags: Mapping[str, str]) -> bool:
    """Tell whether the metadata items of a raster say that it was simulated."""
    return tags.get(TAG, "NO").upper() in ("YES", "TRUE", "1")


def simulation_tags(sources: Sequence[str]) -> dict[str, str]:
    """Give the metadata items (GDAL) of what was made of simulated sources.

    Parameters
    ----------
    sources
        Their labels; none: all was observed, and there are no such items.
    """
    return {TAG: "YES", f"{TAG}_SOURCES": ", ".join(sources)} if sources else {}
