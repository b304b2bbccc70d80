"""Bands in which a sensor shows the ground as eyes see it, and the season that shows most of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minecover.products.product import Observations, TrueColour
from minecover.sources.manifest import Manifest
from minecover.sources.optical import OpticalSource
from minecover.sources.registry import sources_of
from minecover.storage.names import CUBE_RASTER
from minecover.workflow.stage import Workspace

__all__ = ["false_colour_bands", "natural_bands", "true_colour"]

COLOURS = ("red", "green", "blue")

FALSE_COLOURS = ("nir", "red", "green")
"""Near infrared as red: plants are red, water is black."""


def natural_bands(kind: type[OpticalSource[Any]]) -> tuple[str, str, str] | None:
    """Name the bands of a sensor that see red, green and blue; None where one is missing."""
    return _bands(kind, COLOURS)


def false_colour_bands(kind: type[OpticalSource[Any]]) -> tuple[str, str, str] | None:
    """Name the bands that see near infrared, red and green; None where one is missing."""
    return _bands(kind, FALSE_COLOURS)


def _bands(
    kind: type[OpticalSource[Any]], colours: tuple[str, str, str]
) -> tuple[str, str, str] | None:
    named = (
        next((band.name for band in kind.bands if colour in band.assets), None)
        for colour in colours
    )
    first, second, third = named
    return None if first is None or second is None or third is None else (first, second, third)


def true_colour(
    workspace: Workspace, manifest: Manifest, observations: Sequence[Observations]
) -> TrueColour | None:
    """Choose the season of an optical source whose pixels were seen most; None where none shows."""
    cube = workspace.store.layers(CUBE_RASTER)
    for source in sources_of(workspace.survey.sources):
        seen = {item.season: item for item in observations if item.source == source.label}
        bands = natural_bands(type(source)) if isinstance(source, OpticalSource) else None
        if bands is None or not seen:
            continue
        season = max(seen, key=lambda name: (-seen[name].unobserved, seen[name].median))
        red, green, blue = (f"{season}_{band}" for band in bands)
        if {red, green, blue} <= set(cube.names):
            times = (item.datetime for item in manifest.items(source.name, season))
            dates = tuple(sorted({time[:10] for time in times if time}))
            return TrueColour(cube, (red, green, blue), season, source.label, dates)
    return None
