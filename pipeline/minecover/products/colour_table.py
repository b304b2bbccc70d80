"""Colours of classes as rasters keep them."""

from __future__ import annotations

from collections.abc import Sequence

from minecover.samples.classes import LandUseClass

__all__ = ["colour_table"]


def colour_table(classes: Sequence[LandUseClass]) -> dict[int, tuple[int, int, int, int]]:
    """Code to red, green, blue, alpha (0-255); 0 is transparent."""
    table = {0: (0, 0, 0, 0)}
    for item in classes:
        red, green, blue = bytes.fromhex(item.colour[1:])
        table[item.code] = (red, green, blue, 255)
    return table
