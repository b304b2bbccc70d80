"""Mines followed on maps of a simulated history, held against the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
from odc.geo.geobox import GeoBox
from scipy import ndimage
from shapely.geometry import box

from benchmarks.history_scores import Ids, Passage, confirmed, score_tracks
from minecover.arrays import BoolArray, Float32Array
from minecover.demo.materials import Land
from minecover.geography.grid import Grid, Window
from minecover.mine_history.evidence import confidences
from minecover.mine_history.following import FollowedIds
from minecover.mine_history.patches import Mined, Probability
from minecover.mine_history.settings import MineSettings
from minecover.mine_history.tracking import EVEN

__all__ = ["LARGE", "TILE", "followed", "mine_scores"]

LARGE = 50
"""Pixels of half a hectare."""

TILE = 128  # pixels

SURE = 0.75
"""From this confidence on a merge or a split counts as sure."""


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
        or late; with ``told_`` those of all mines if the truth told of every piece of mapped ground
        that touches, also at corners, which mine it is: no following of whole pieces does better.
        Merges and splits of the map that are, and are not, with a confidence of at least `SURE`,
        and with less: ``sure_right``, ``sure_wrong``, ``doubted_right``, ``doubted_wrong``.
    """
    with rasterio.open(history / "mines.tif") as file:
        truth, names = file.read(), list(file.descriptions)
        geobox = GeoBox(file.shape, file.transform, file.crs)
    grid = Grid(geobox, TILE, box(*geobox.boundingbox))
    read = _given(grid, settings, mapped == Land.MINING, probability)
    its = FollowedIds(*read, len(mapped))
    ids, lines = _told_by(grid, its)
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
        "told_": score_tracks(truth, *_told(truth, mapped == Land.MINING, true_lines)),
    }
    right = confirmed(*given)
    sure = confidences(*read, its.tracks, len(mapped)) >= SURE
    events = np.array([line.event in ("merged", "split") for line in lines], dtype=bool)
    return {
        **{kind + name: n for kind, its in scores.items() for name, n in asdict(its).items()},
        **{
            f"{word}_{end}": int((events & (sure == is_sure) & (right == is_right)).sum())
            for word, is_sure in (("sure", True), ("doubted", False))
            for end, is_right in (("right", True), ("wrong", False))
        },
    }


def _told(
    truth: Ids, mask: BoolArray, lines: Sequence[Passage]
) -> tuple[Ids, list[Passage], list[Passage]]:
    """Ids of the pieces of a map by the mine that most of each is of, with both genealogies."""
    ids = np.zeros_like(truth)
    for own, mine, mapped in zip(ids, truth, mask, strict=True):
        pieces, count = ndimage.label(mapped, np.ones((3, 3)))
        shared = np.zeros((count + 1, int(truth.max()) + 1), dtype=np.int64)
        np.add.at(shared, (pieces, mine), 1)
        shared[:, 0] = 0  # ground that no mine has, a piece may have as well
        own[:] = np.where(mapped, shared.argmax(axis=1)[pieces], 0)
    there = {(period, mine) for period, own in enumerate(ids) for mine in np.unique(own).tolist()}
    known = [
        line for line in lines
        if {(line.period, line.mine), (line.period - 1, line.parent)} <= there
    ]  # fmt: skip
    return ids, list(lines), known


def followed(
    grid: Grid, settings: MineSettings, mask: BoolArray, probability: Float32Array
) -> tuple[Ids, list[Passage]]:
    """Follow mines on maps in memory, (period, y, x): ids of the pixels, and the genealogy."""
    return _told_by(grid, FollowedIds(*_given(grid, settings, mask, probability), len(mask)))


Given = tuple[Grid, Mined, Probability, MineSettings]


def _given(grid: Grid, settings: MineSettings, mask: BoolArray, probability: Float32Array) -> Given:
    def sure(window: Window, period: int) -> Float32Array:
        return probability[(period, *window.slices)]

    return grid, partial(_mined, mask), sure, settings


def _told_by(grid: Grid, its: FollowedIds) -> tuple[Ids, list[Passage]]:
    height, width = grid.shape
    lines = [Passage(one.period, one.child, one.parent, one.kind) for one in its.tracks.events]
    return its(Window(0, height, 0, width)), lines


def _mined(mask: BoolArray, window: Window) -> BoolArray:
    """Read a window, which may leave the grid."""
    out = np.zeros((len(mask), *window.shape), dtype=bool)
    inside = window.clip(*mask.shape[1:])
    out[(slice(None), *inside.within(window).slices)] = mask[(slice(None), *inside.slices)]
    return out
