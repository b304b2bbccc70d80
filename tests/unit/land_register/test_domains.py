"""Which licence ground would be beyond, mined or not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import shapely

from minecover.geography.grid import Window
from minecover.land_register.domains import BeyondDomains
from minecover.land_register.parcels import Parcels
from small_map import grid

SHAPE = (100, 120)
LEFT, TOP = 585_420.0, 5_648_240.0
REACH = 6


def rectangle(y0: float, y1: float, x0: float, x1: float) -> shapely.Polygon:
    return shapely.box(LEFT + 10 * x0, TOP - 10 * y1, LEFT + 10 * x1, TOP - 10 * y0)


def domains(ids: npt.NDArray[np.int64]) -> BeyondDomains:
    """Mine 1 lies in two licences, of which the second is not valid in the first period."""
    shapes = {"West": rectangle(10, 40, 0, 20), "East": rectangle(10, 40, 60, 80)}
    valid = [[shapes["West"]] * 2, [shapely.Polygon(), shapes["East"]]]
    parcels = Parcels(
        tuple(shapes), np.array(list(shapes.values()), dtype=object),
        pd.DataFrame(index=list(shapes)), np.array(valid, dtype=object),
    )  # fmt: skip

    def read(window: Window) -> npt.NDArray[np.int64]:
        padded = np.pad(ids, ((0, 0), (REACH, REACH), (REACH, REACH)))
        moved = window.shifted(REACH, REACH)
        return padded[(slice(None), *moved.slices)]

    touched = {(1, 0): [0], (1, 1): [0, 1]}
    return BeyondDomains(grid(SHAPE, 64, crs="EPSG:3035"), parcels, read, touched, REACH)


@pytest.fixture
def ids() -> npt.NDArray[np.int64]:
    """Mine 1 between and in the licences, mine 2 far from them, and nothing of 2 at first."""
    ids = np.zeros((2, *SHAPE), dtype=np.int64)
    ids[:, 20:30, 10:70] = 1
    ids[1, 70:80, 10:20] = 2
    return ids


@pytest.mark.parametrize(
    ("row", "col", "expected"),
    [
        (25, 30, ["West", "West"]),  # mined, nearer to the west
        (25, 50, ["West", "East"]),  # nearer to the east, which is no licence at first
        (25, 15, ["", ""]),  # inside
        (25, 65, ["West", ""]),  # inside of what becomes a licence
        (33, 30, ["West", "West"]),  # not mined, four pixels from the mine
        (35, 30, ["West", "West"]),  # six pixels from it
        (36, 30, ["", ""]),  # seven
        (75, 15, ["", ""]),  # a mine without ground in any licence
        (0, 0, ["", ""]),  # at the corner of the grid
    ],
)
def test_ground_is_beyond_the_licence_of_the_nearest_mine(
    ids: npt.NDArray[np.int64], row: int, col: int, expected: list[str]
) -> None:
    found = domains(ids).at(np.array([row]), np.array([col]), [0, 1])
    assert [names[0] for names in found] == expected


def test_a_nearer_mine_without_a_licence_takes_ground_away(ids: npt.NDArray[np.int64]) -> None:
    ids[1, 33:36, 30:40] = 2
    found = domains(ids).at(np.array([32, 31]), np.array([35, 35]), [1])
    assert found == [["", "West"]]  # one and three pixels from mine 2, three and two from mine 1
