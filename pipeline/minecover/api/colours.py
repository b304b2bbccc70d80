"""Colours in which rasters are shown: those of classes, and bands as red, green and blue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minecover.api.results import Results
from minecover.samples.classes import LandUseClass
from minecover.sources.optical import OpticalSource
from minecover.sources.registry import SOURCES
from minecover.stages.natural_colours import natural_bands
from minecover.storage.names import PRODUCTS_FOLDER

__all__ = ["classes_of", "known_colours", "shown_bands"]

PALETTE = (
    "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2",
    "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#bab0ac",
)  # fmt: skip
"""Of classes whose colours nobody knows (Tableau 10), over and over."""


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
        LandUseClass(code=code, name=name, colour=colours.get(name, PALETTE[at % len(PALETTE)]))
        for at, (name, code) in enumerate(codes.items())
    )


def known_colours(results: Results) -> dict[str, str]:
    """Colours of the classes by name: of the survey where it is at hand, else as published."""
    if results.survey is not None:
        return {item.name: item.colour for item in results.survey.classes}
    item = results.store.read_json(f"{PRODUCTS_FOLDER}item.json") or {"assets": {}}
    entries = item["assets"].get("landuse", {}).get("classification:classes", [])
    return {
        entry["description"]: f"#{entry['color_hint'].lower()}"
        for entry in entries
        if "color_hint" in entry
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
    for kind in SOURCES:
        if issubclass(kind, OpticalSource):
            true = natural_bands(kind)
            if true is not None and set(true) <= set(names):
                red, green, blue = (names.index(name) + 1 for name in true)
                return red, green, blue
    return (1, 2, 3) if len(names) == 3 else None
