"""Ids of mines, read in any window."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mine_story import MINE, SHAPE, story, timeline
from minecover.arrays import BoolArray, Float32Array
from minecover.geography.grid import Window
from minecover.mine_history.following import FollowedIds
from minecover.mine_history.settings import MineSettings
from small_map import grid

MAPS = timeline(story(), grid(SHAPE, 32, crs="EPSG:3035"), ("2019", "2021", "2023"))


def mined(window: Window) -> BoolArray:
    return MAPS.mined(window, [MINE])


def probability(window: Window, period: int) -> Float32Array:
    return MAPS.probability(window, period, ["mine"])


IDS = FollowedIds(grid(SHAPE, 32, crs="EPSG:3035"), mined, probability, MineSettings(), 3)
WHOLE = IDS(Window(0, SHAPE[0], 0, SHAPE[1]))


def test_ids_are_those_of_the_story() -> None:
    assert [np.unique(own).tolist() for own in WHOLE] == [[0, 1, 2, 3], [0, 1], [0, 1, 4]]
    assert (WHOLE[1] == 1).sum() == 1500
    assert WHOLE[2, 50, 50] == 0  # a speck is no mine


@given(st.integers(-40, 110), st.integers(-40, 130), st.integers(1, 60), st.integers(1, 60))
@example(y=101, x=0, height=2, width=1)  # off the grid, in the rest of its last tile
@settings(max_examples=40, deadline=None)
def test_a_window_reads_what_the_whole_has_there(y: int, x: int, height: int, width: int) -> None:
    padded = np.pad(WHOLE, ((0, 0), (200, 200), (200, 200)))
    expected = padded[:, y + 200 : y + 200 + height, x + 200 : x + 200 + width]
    np.testing.assert_array_equal(IDS(Window(y, y + height, x, x + width)), expected)
