"""Windows of all periods, read block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float32Array
from minecover.geography.grid import Window
from minecover.prediction.period_blocks import read_periods
from minecover.storage.raster import read_window

SHAPE, EDGE, HALO = (50, 70), 16, 3
NAMES = ("B4", "VV")


@dataclass(frozen=True)
class Numbers:
    """A raster whose values tell of their place."""

    period: int
    units: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = NAMES
    shape: tuple[int, int] = SHAPE

    def block_edge(self, count: int) -> int:
        return count * EDGE

    def read(
        self, window: Window, names: Sequence[str] | None = None, *, mirror: bool = False
    ) -> Float32Array:
        assert names == NAMES
        return read_window(SHAPE, 2, window, self._values, mirror=mirror)

    def _values(self, window: Window) -> Float32Array:
        y, x = np.mgrid[window.y0 : window.y1, window.x0 : window.x1]
        return np.stack([self.period + y * 100.0 + x, np.sin(y * x)]).astype(np.float32)


@dataclass(frozen=True)
class Mean:
    """Means of neighbourhoods, which depend on where a block is cut if its halo is wrong."""

    layers: tuple[str, ...] = NAMES
    halo: int = HALO
    edge: int = EDGE

    def read(self, block: Float32Array) -> Float32Array:
        assert block.shape == (2, 2, EDGE + 2 * HALO, EDGE + 2 * HALO)
        size = 2 * HALO + 1
        views = np.lib.stride_tricks.sliding_window_view(block, (size, size), axis=(-2, -1))
        return views.mean(axis=(-2, -1), dtype=np.float32)


def read(window: Window, threads: int = 1) -> Float32Array:
    return read_periods(Mean(), (Numbers(0), Numbers(10_000)), window, threads=threads)


WHOLE = read(Window(0, SHAPE[0], 0, SHAPE[1]))


def test_a_pixel_is_read_with_what_is_around_it() -> None:
    assert WHOLE.shape == (2, 2, *SHAPE)
    period, row, column = 1, 20, 31
    assert WHOLE[period, 0, row, column] == pytest.approx(10_000 + 2031, rel=1e-5)
    # mirrored at the edge of the grid
    rows = np.abs(np.arange(-HALO, HALO + 1)).mean()
    assert WHOLE[0, 0, 0, column] == pytest.approx(100 * rows + column, rel=1e-5)


@given(data=st.data(), threads=st.sampled_from([1, 3]))
@settings(max_examples=40, deadline=None)
def test_a_window_has_the_bits_of_the_whole(data: st.DataObject, threads: int) -> None:
    y0, x0 = (data.draw(st.integers(0, size - 1)) for size in SHAPE)
    y1, x1 = (
        data.draw(st.integers(start + 1, size)) for start, size in zip((y0, x0), SHAPE, strict=True)
    )
    window = Window(y0, y1, x0, x1)
    np.testing.assert_array_equal(read(window, threads), WHOLE[(..., *window.slices)])
