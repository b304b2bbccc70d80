"""Maps of several periods in memory, for the tests of what follows mines in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from minecover.arrays import Float32Array
from minecover.geography.grid import Grid, Window
from minecover.mine_history.timeline import Codes, Timeline

FOREST, WATER, MINE = 2, 3, 7
SHAPE = (100, 120)


def timeline(
    codes: Codes,
    its_grid: Grid,
    names: Sequence[str],
    layers: Mapping[str, Float32Array] | None = None,
) -> Timeline:
    """Periods of a year each with given maps, and layers of features, (period, y, x) each."""
    features = layers or {}

    def read(window: Window) -> Codes:
        out = np.zeros((len(codes), *window.shape), dtype=np.uint8)
        inside = window.clip(*its_grid.shape)
        part = np.where(its_grid.area_mask(inside), codes[(slice(None), *inside.slices)], 0)
        out[(slice(None), *inside.within(window).slices)] = part
        return out

    def probability(window: Window, period: int, classes: Sequence[str]) -> Float32Array:
        assert classes == ["mine"]
        return np.where(read(window)[period] == MINE, 0.8, 0.1).astype(np.float32)

    def colours(window: Window, period: int) -> Float32Array:
        shades = read(window)[period].astype(np.float32)
        return np.stack([shades, shades + period, 10 - shades])

    def values(window: Window, period: int, wanted: Sequence[str]) -> Float32Array:
        return np.stack([features[name][period][window.slices] for name in wanted])

    days = tuple((f"{name}-01-01", f"{name}-12-31") for name in names)
    return Timeline(tuple(names), days, read, probability, colours, tuple(features), values)


def story() -> Codes:
    """Three periods: mine 1 grows over mine 2, mine 3 is filled with water, mine 4 opens."""
    codes = np.full((3, *SHAPE), FOREST, dtype=np.uint8)
    codes[0, 10:40, 10:40] = MINE  # 900 pixels
    codes[0, 10:30, 50:60] = MINE  # 200
    codes[0, 60:70, 10:20] = MINE  # 100
    codes[1, 10:40, 10:60] = MINE  # 1500: the first two in one
    codes[1, 60:70, 10:20] = WATER
    codes[2] = codes[1]
    codes[2, 80:84, 100:105] = MINE  # 20
    codes[2, 50, 50] = MINE  # a speck
    return codes
