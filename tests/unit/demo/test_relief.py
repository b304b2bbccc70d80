"""The valley of the simulated district, whatever the district's size."""

from __future__ import annotations

import numpy as np
import pytest

from minecover.demo.frame import Frame
from minecover.demo.relief import draw_relief


@pytest.mark.parametrize("size", [96, 128, 192])
def test_the_river_crosses_the_district_and_is_dammed_inside_it(size: int) -> None:
    relief = draw_relief(Frame(size), 0)
    pixels = relief.river.shape[0]
    middle = slice(pixels // 4, -pixels // 4)
    assert relief.river[:, middle].any(axis=0).all()
    # along an edge of the scene lies nothing but where it comes from and goes to
    assert relief.river[[0, -1]].mean() < 0.2
    assert relief.river[:, [0, -1]].mean() < 0.2
    assert relief.reservoir.any()
    assert 0.2 < np.argwhere(relief.reservoir)[:, 1].mean() / pixels < 0.8
    assert relief.elevation.min() > 1000
