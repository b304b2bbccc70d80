"""Every so many pixels one: the same pixels however a raster is cut into blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minecover.geography.grid import Window
from minecover.storage import decimated

LAYERS = np.arange(2 * 53 * 71, dtype=np.float32).reshape(2, 53, 71)


class InMemory:
    """A raster of two layers that remembers how much of it was read at once."""

    largest = 0

    def read(self, window: Window, names: list[str]) -> np.ndarray[Any, Any]:
        self.largest = max(self.largest, *window.shape)
        return LAYERS[[int(name) for name in names]][:, *window.slices]


@given(step=st.sampled_from([1, 2, 4, 8]), row=st.integers(0, 6), column=st.integers(0, 8))
def test_the_middle_of_every_square_is_read(step: int, row: int, column: int) -> None:
    raster: Any = InMemory()
    window = Window(row * step, 53, column * step, 71)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decimated, "BLOCK", 16)
        read = decimated.read_every(raster, ["1", "0"], window, step)
    rows, columns = (
        np.arange(start, stop, step) + step // 2
        for start, stop in ((window.y0, window.y1), (window.x0, window.x1))
    )
    wanted = np.full((2, len(rows), len(columns)), np.nan, dtype=np.float32)
    inside = np.ix_([1, 0], rows[rows < 53], columns[columns < 71])
    wanted[:, : (rows < 53).sum(), : (columns < 71).sum()] = LAYERS[inside]
    np.testing.assert_array_equal(read, wanted)
    assert raster.largest <= 16
