"""Mines followed on maps of a simulated history, held against the true ones."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from benchmarks.history_scores import Ids, Passage, score_tracks
from minecover.arrays import BoolArray, Float32Array
from minecover.demo.materials import Land
from minecover.geography.grid import Grid, Window
from minecover.mine_history.following import FollowedIds
from minecover.mine_history.settings import MineSettings
from minecover.mine_history.tracking import EVEN

__all__ = ["LARGE", "mine_scores"]

LARGE = 50
"""Pixels of half a hectare."""


def mine_scores(
    history: Path,
    settings: MineSettings,
    mapped: npt.NDArray[np.uint8],
    probability: Float32Array,
) -> dict[str, int]:
    """Follow the mines on maps and hold them against the true ones.

    Parameters
    ----------
    history
        Folder of the truth.
    settings
        How mines are followed.
    mapped
        Class codes, (period, y, x).
    probability
        Of mining, (period, y, x).

    Returns
    -------
    dict
        `benchmarks.history_scores.TrackScores` of all mines and one reading of the truth; with
        ``large_`` before their names those of mines of at least half a hectare where either of two
        even parts may go on; with ``near_`` the same where merges and splits may be a period early
        or late.
    """
    with rasterio.open(history / "mines.tif") as file:
        truth, names = file.read(), list(file.descriptions)
        geobox = GeoBox(file.shape, file.transform, file.crs)
    grid = Grid(geobox, 128, box(*geobox.boundingbox))
    ids, lines = _followed(grid, settings, mapped == Land.MINING, probability)
    told = pd.read_csv(history / "genealogy.csv", dtype={"period": str})
    true_lines = [
        Passage(names.index(row.period), row.mine, row.parent, row.event, row.shared_hectares)
        for row in told.itertuples()
    ]
    given = (truth, ids, true_lines, lines)
    scores = {
        "": score_tracks(*given),
        "large_": score_tracks(*given, least=LARGE, even=EVEN),
        "near_": score_tracks(*given, least=LARGE, even=EVEN, slack=1),
    }
    return {kind + name: n for kind, its in scores.items() for name, n in asdict(its).items()}


def _followed(
    grid: Grid, settings: MineSettings, mask: BoolArray, probability: Float32Array
) -> tuple[Ids, list[Passage]]:
    def sure(window: Window, period: int) -> Float32Array:
        return probability[(period, *window.slices)]

    ids = FollowedIds(grid, partial(_mined, mask), sure, settings, len(mask))
    height, width = grid.shape
    return ids(Window(0, height, 0, width)), [
        Passage(event.period, event.child, event.parent, event.kind) for event in ids.tracks.events
    ]


def _mined(mask: BoolArray, window: Window) -> BoolArray:
    """Read a window, which may leave the grid."""
    out = np.zeros((len(mask), *window.shape), dtype=bool)
    inside = window.clip(*mask.shape[1:])
    out[(slice(None), *inside.within(window).slices)] = mask[(slice(None), *inside.slices)]
    return out
