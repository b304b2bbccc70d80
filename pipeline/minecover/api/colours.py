"""Colours in which rasters are shown: those of classes, and bands as red, green and blue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import xarray as xr

from minecover.api.rasters import class_codes
from minecover.products.palette import UNKNOWN
from minecover.samples.classes import LandUseClass
from minecover.sources.optical import OpticalSource
from minecover.sources.registry import SOURCES
from minecover.stages.natural_colours import false_colour_bands, natural_bands
from minecover.storage.names import PRODUCTS_FOLDER
from minecover.storage.store import Store

__all__ = [
    "classes_of",
    "classes_on",
    "pictures_of",
    "published_colours",
    "shown_bands",
    "with_colours",
]


def classes_of(codes: Mapping[str, int], colours: Mapping[str, str]) -> tuple[LandUseClass, ...]:
    """Give classes their colours.

    Parameters
    ----------
    codes
        Code of each class by name.
    colours
        ``#rrggbb`` of each class by name; others get one of a palette.
    """
    return tuple(
        LandUseClass(code=code, name=name, colour=colours.get(name, UNKNOWN[at % len(UNKNOWN)]))
        for at, (name, code) in enumerate(codes.items())
    )


def classes_on(landuse: xr.DataArray) -> tuple[LandUseClass, ...]:
    """Classes that an array names as CF has it, in its `flag_colors` or those of a palette."""
    codes = class_codes(landuse)
    given = str(landuse.attrs.get("flag_colors", "")).split()
    return classes_of(codes, dict(zip(codes, given, strict=False)))


def with_colours(raster: xr.Dataset, colours: Mapping[str, str]) -> xr.Dataset:
    """Name the colours of the classes of `landuse` beside their codes, where they are known."""
    if not colours:
        return raster
    landuse = raster["landuse"]
    shown = [item.colour for item in classes_of(class_codes(landuse), colours)]
    return raster.assign(landuse=landuse.assign_attrs(flag_colors=" ".join(shown)))


def published_colours(store: Store) -> dict[str, str]:
    """Colours of the classes by name, as the map was published; none where it was not."""
    item = store.read_json(f"{PRODUCTS_FOLDER}item.json") or {"assets": {}}
    entries = item["assets"].get("landuse", {}).get("classification:classes", [])
    return {
        entry["description"]: f"#{entry['color_hint'].lower()}"
        for entry in entries
        if "color_hint" in entry
    }


def pictures_of(names: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Name the pictures that bands of a sensor make: bands shown as red, green and blue.

    Parameters
    ----------
    names
        Of the bands that there are.
    """
    kinds = [kind for kind in SOURCES if issubclass(kind, OpticalSource)]
    pictures = (("true colour", natural_bands), ("false colour", false_colour_bands))
    return {
        title: bands
        for title, bands_of in pictures
        for bands in reversed([bands_of(kind) for kind in kinds])
        if bands is not None and set(bands) <= set(names)
    }


def shown_bands(names: Sequence[str]) -> tuple[int, int, int] | None:
    """Choose bands of a sensor to show as red, green and blue.

    Parameters
    ----------
    names
        Of the bands of a file, in order.

    Returns
    -------
    Numbers of the bands of these colours, from 1; else of three bands as they are given; None where
    there are more or fewer.
    """
    true = pictures_of(names).get("true colour")
    if true is not None:
        red, green, blue = (names.index(name) + 1 for name in true)
        return red, green, blue
    return (1, 2, 3) if len(names) == 3 else None
