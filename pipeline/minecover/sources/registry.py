"""The sources that a survey may draw on, by their key in its `sources`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from minecover.registry import Registry

if TYPE_CHECKING:
    from minecover.settings import Section
    from minecover.sources.cloud_mask import CloudMask
    from minecover.sources.source import Source

__all__ = ["CLOUD_MASKS", "SOURCES", "cloud_masks_of", "named_masks", "sources_of"]

SOURCES: Registry[type[Source[Any]]] = Registry(
    "source",
    "minecover.sources",
    "minecover.sources.source:Source",
    {
        "sentinel2": "minecover.sources.sentinel2:Sentinel2",
        "sentinel1": "minecover.sources.sentinel1:Sentinel1",
        "terrain": "minecover.sources.terrain:Terrain",
        "night_lights": "minecover.sources.night_lights:NightLights",
        "embeddings": "minecover.sources.embeddings:Embeddings",
    },
)
"""In the order in which their layers are stored; those of other packages follow."""

CLOUD_MASKS: Registry[type[CloudMask[Any]]] = Registry(
    "cloud mask", "minecover.cloud_masks", "minecover.sources.cloud_mask:CloudMask", {}
)
"""Cloud masks that are computed of reflectance; all are of other packages."""


def sources_of(settings: Mapping[str, Section]) -> tuple[Source[Any], ...]:
    """Give the sources of a survey with their settings: `sources_of(survey.sources)`."""
    return tuple(SOURCES[name](section) for name, section in settings.items())


def cloud_masks_of(settings: Mapping[str, Section]) -> tuple[CloudMask[Any], ...]:
    """Give the cloud masks that a source names, with their settings."""
    return tuple(CLOUD_MASKS[name](section) for name, section in settings.items())


def named_masks(settings: Section) -> tuple[str, ...]:
    """Names of the cloud masks in the settings of a source."""
    return tuple(getattr(settings, "cloud_masks", ()))
