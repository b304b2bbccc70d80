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
from minecover.arrays import BoolArray
from minecover.demo.chronicle import LEAST_HECTARES, LEAST_SHARE, REACH
from minecover.demo.materials import Land
from minecover.geography.grid import Grid, Window
from minecover.mine_history.following import FollowedIds
from minecover.mine_history.settings import MineSettings
from minecover.mine_history.tracking import EVEN

__all__ = ["LARGE", "mine_scores"]

LARGE = 50
"""Pixels of half a hectare."""


def mine_scores(history: Path, mapped: npt.NDArray[np.uint8]) -> dict[str, int]:
    """Follow the mines on maps, (period, y, x) class codes, and hold them against the true ones.

    Parameters
    ----------
    history
        Folder of the truth.
    mapped
        Class codes, (period, y, x).

    Returns
    -------
    dict
        `benchmarks.history_scores.TrackScores` of all mines and one reading of the truth, and with
        ``large_`` before their names those of mines of at least half a hectare, where either of two
        even parts may go on.
    """
    with rasterio.open(history / "mines.tif") as file:
        truth, names = file.read(), list(file.descriptions)
        geobox = GeoBox(file.shape, file.transform, file.crs)
    ids, lines = _followed(Grid(geobox, 128, box(*geobox.boundingbox)), mapped == Land.MINING)
    told = pd.read_csv(history / "genealogy.csv", dtype={"period": str})
    true_lines = [
        Passage(names.index(row.period), row.mine, row.parent, row.event, row.shared_hectares)
        for row in told.itertuples()
    ]
    strict = score_tracks(truth, ids, true_lines, lines)
    large = score_tracks(truth, ids, true_lines, lines, least=LARGE, even=EVEN)
    return {**asdict(strict), **{f"large_{name}": n for name, n in asdict(large).items()}}


def _followed(grid: Grid, mask: BoolArray) -> tuple[Ids, list[Passage]]:
    settings = MineSettings(
        join_m=REACH * grid.resolution, min_area_ha=LEAST_HECTARES, least_share=LEAST_SHARE
    )
    ids = FollowedIds(grid, partial(_mined, mask), settings, len(mask))
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
