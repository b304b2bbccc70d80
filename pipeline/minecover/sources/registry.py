"""The sources that a survey may draw on, by their key in its `sources`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from minecover.registry import Registry

if TYPE_CHECKING:
    from minecover.settings import Section
    from minecover.sources.source import Source

__all__ = ["SOURCES", "sources_of"]

SOURCES: Registry[type[Source[Any]]] = Registry(
    "source",
    "minecover.sources",
    "minecover.sources.source:Source",
    {
        "sentinel2": "minecover.sources.sentinel2:Sentinel2",
        "sentinel1": "minecover.sources.sentinel1:Sentinel1",
        "terrain": "minecover.sources.terrain:Terrain",
        "night_lights": "minecover.sources.night_lights:NightLights",
    },
)
"""In the order in which their layers are stored; those of other packages follow."""


def sources_of(settings: Mapping[str, Section]) -> tuple[Source[Any], ...]:
    """Give the sources of a survey with their settings: `sources_of(survey.sources)`."""
    return tuple(SOURCES[name](section) for name, section in settings.items())
