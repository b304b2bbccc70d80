"""Pixels that nobody labelled, drawn over an area from seed and place alone."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import BoolArray, Int64Array
from minecover.geography import unlabelled
from minecover.geography.unlabelled import CELL, CELLS, EACH, draw_unlabelled


def anywhere(rows: Int64Array, columns: Int64Array) -> BoolArray:
    del columns
    return np.ones(len(rows), dtype=bool)


def left_half(rows: Int64Array, columns: Int64Array) -> BoolArray:
    return np.asarray(columns < 40) & np.asarray(rows >= 0)


@settings(max_examples=40)
@given(
    shape=st.tuples(st.integers(8, 90), st.integers(8, 90)),
    seed=st.integers(0, 2**32),
    band=st.integers(1, 9),
)
def test_it_does_not_depend_on_how_the_ground_is_gone_through(
    shape: tuple[int, int], seed: int, band: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unlabelled, "CELLS", 20)
        whole = draw_unlabelled(shape, anywhere, seed)
        patch.setattr(unlabelled, "BAND", band)
        again = draw_unlabelled(shape, anywhere, seed)
    assert whole.equals(again)
    assert whole["cell"].nunique() <= 20
    assert not whole.duplicated(["row", "col"]).any()
    assert (whole[["row", "col"]] < shape).all(axis=None)
    across = -(-shape[1] // CELL)
    assert (whole["cell"] == whole["row"] // CELL * across + whole["col"] // CELL).all()
    assert whole.groupby("cell").size().max() <= EACH


def test_only_usable_pixels_are_drawn_and_cells_without_any_are_not_counted() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unlabelled, "CELLS", 12)
        drawn = draw_unlabelled((80, 80), left_half, 3)
    assert (drawn["col"] < 40).all()
    assert drawn["cell"].nunique() == 12  # of 50 that are usable, and 50 that are not


def test_another_seed_draws_others_all_over_the_ground() -> None:
    first, second = (draw_unlabelled((1000, 1000), anywhere, seed) for seed in (0, 1))
    for drawn in (first, second):
        assert drawn["cell"].nunique() == CELLS
        # 256 of 1,024 cells are expected in each quarter, with a deviation of 14
        quarter = drawn.drop_duplicates("cell")
        counts = np.histogram2d(quarter["row"], quarter["col"], [[0, 500, 1000]] * 2)[0]
        assert (np.abs(counts - CELLS / 4) < 60).all()
    assert len(np.intersect1d(first["cell"], second["cell"])) < 150  # 67 are expected by chance


def test_memory_does_not_grow_with_the_area() -> None:
    peaks = []
    for height in (2_000, 32_000):
        tracemalloc.start()
        draw_unlabelled((height, 4_000), anywhere, 0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
