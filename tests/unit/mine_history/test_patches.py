from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import scipy.ndimage
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import BoolArray, Int64Array
from minecover.geography.grid import Grid, Window
from minecover.geography.ground_area import SQUARE_MILLIMETRES, Surface
from minecover.mine_history.patches import Mined, Patches, find_patches, tile_patches
from small_map import grid

SHAPE = (70, 90)
PIXEL = 100 * 10**6
"""Square millimetres of a pixel of 10 m."""
CHANCE = np.random.default_rng(5).random((3, *SHAPE), dtype=np.float32)
"""Probability of mining in three periods."""


def reader(masks: BoolArray, its_grid: Grid) -> Mined:
    """Read windows of masks in memory, cut to the area."""

    def mined(window: Window) -> BoolArray:
        out = np.zeros((len(masks), *window.shape), dtype=bool)
        inside = window.clip(*masks.shape[1:])
        part = masks[(slice(None), *inside.slices)] & its_grid.area_mask(inside)
        out[(slice(None), *inside.within(window).slices)] = part
        return out

    return mined


def found(masks: BoolArray, its_grid: Grid, **options: Any) -> Patches:
    return find_patches(
        its_grid, reader(masks, its_grid), lambda w: np.full(w.shape, PIXEL, dtype=np.int64),
        lambda window, period: CHANCE[(period, *window.slices)],
        **{"reach": 1, "least": 0, "least_probability": 0.0, **options},
    )  # fmt: skip


def numbered(patches: Patches, masks: BoolArray, its_grid: Grid) -> Int64Array:
    """Patches of the whole grid."""
    out = np.full(masks.shape, -1, dtype=np.int64)
    for number, tile in enumerate(its_grid.tiles):
        part = tile_patches(patches, its_grid, reader(masks, its_grid), number)
        out[(slice(None), *its_grid.window(tile).slices)] = part
    return out


@st.composite
def histories(draw: st.DrawFn) -> BoolArray:
    """Masks of three periods with blots that cross the edges of tiles of 32 pixels."""
    coarse = draw(hnp.arrays(np.bool_, (3, 7, 9), elements=st.sampled_from([True, False, False])))
    masks = np.kron(coarse, np.ones((1, 10, 10), dtype=bool))
    seed = draw(st.integers(0, 2**31))
    return np.asarray(masks & (np.random.default_rng(seed).random(masks.shape) < 0.8), dtype=bool)


@settings(max_examples=15, deadline=None)
@given(histories(), st.integers(0, 3), st.sampled_from([0, 30 * PIXEL]), st.sampled_from([0, 0.5]))
def test_patches_are_the_same_however_the_grid_is_cut(
    masks: BoolArray, reach: int, least: int, least_probability: float
) -> None:
    left, top = 585_420.0, 5_648_240.0
    area = shapely.Polygon([(left, top), (left + 870, top - 90), (left + 300, top - 690)])
    results = []
    for tile in (32, 64, 96):
        its_grid = grid(SHAPE, tile, area)
        patches = found(
            masks, its_grid, reach=reach, least=least, least_probability=least_probability
        )
        results.append((patches, numbered(patches, masks, its_grid)))
    (first, pixels), *others = results
    for other, their_pixels in others:
        np.testing.assert_array_equal(their_pixels, pixels)
        for name in ("period", "area", "first", "pixels", "probability", "shared"):
            np.testing.assert_array_equal(getattr(other, name), getattr(first, name))


def solid(mask: BoolArray) -> BoolArray:
    """Pixels from which four mined pixels can be walked to, themselves among them."""
    out, mined = np.zeros_like(mask), {*zip(*np.nonzero(mask), strict=True)}
    for y, x in mined:
        reached, ends = {(y, x)}, [(y, x)]
        while ends and len(reached) < 4:
            j, i = ends.pop()
            near = ({(j + b, i + a) for b in (-1, 0, 1) for a in (-1, 0, 1)} & mined) - reached
            reached |= near
            ends += near
        out[y, x] = len(reached) >= 4
    return out


@settings(max_examples=10, deadline=None)
@given(histories(), st.integers(0, 2))
def test_patches_are_those_of_the_whole_grown_raster(masks: BoolArray, reach: int) -> None:
    its_grid = grid(SHAPE, 32)
    patches = found(masks, its_grid, reach=reach)
    pixels = numbered(patches, masks, its_grid)
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc = y**2 + x**2 <= reach**2
    for period, mask in enumerate(masks):
        labels, count = scipy.ndimage.label(scipy.ndimage.binary_dilation(solid(mask), disc))
        mask = mask & (labels > 0)
        assert (pixels[period] >= 0).tolist() == mask.tolist()
        for number in np.unique(pixels[period][mask]):
            expected = CHANCE[period][pixels[period] == number].mean(dtype=np.float64)
            assert abs(patches.probability[number] - expected) < 1e-4
        together = {*zip(labels[mask].tolist(), pixels[period][mask].tolist(), strict=True)}
        assert len(together) == count == (patches.period == period).sum()
    for earlier, later, shared in patches.shared.tolist():
        one, other = patches.period[earlier], patches.period[later]
        both = (pixels[one] == earlier) & (pixels[other] == later)
        assert one < other
        assert shared == PIXEL * both.sum() > 0


def test_numbers_areas_and_what_is_shared_of_two_squares() -> None:
    masks = np.zeros((2, *SHAPE), dtype=bool)
    masks[0, 20:40, 20:50] = True  # over four tiles
    masks[0, 5:7, 60:63] = True
    masks[0, 60, 3] = True  # a speck
    masks[1, 30:40, 45:60] = True
    patches = found(masks, grid(SHAPE, 32), least=6 * PIXEL)
    assert patches.period.tolist() == [0, 0, 1]
    assert (patches.area // PIXEL).tolist() == [6, 600, 150]
    assert patches.first.tolist() == [5 * 90 + 60, 20 * 90 + 20, 30 * 90 + 45]
    assert patches.pixels.tolist() == [6, 600, 150]
    assert patches.shared.tolist() == [[1, 2, 50 * PIXEL]]


def test_a_patch_that_is_not_probable_enough_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = np.zeros((1, *SHAPE), dtype=bool)
    masks[0, 20:40, 20:40] = masks[0, 50:60, 50:60] = True
    chance = np.full((1, *SHAPE), 0.9, dtype=np.float32)
    chance[0, 50:60, 50:55], chance[0, 50:60, 55:] = 0.5, 0.75  # 0.625 on the mean
    monkeypatch.setattr("test_patches.CHANCE", chance)
    its_grid = grid(SHAPE, 32)
    counts = {least: len(found(masks, its_grid, least_probability=least)) for least in (0.62, 0.63)}
    assert counts == {0.62: 2, 0.63: 1}
    patches = found(masks, its_grid, least_probability=0.63)
    assert patches.probability.tolist() == pytest.approx([0.9])
    numbers = numbered(patches, masks, its_grid)[0]
    assert (numbers[50:60, 50:60] == -1).all()
    assert (numbers[20:40, 20:40] == 0).all()


def test_a_wrong_pixel_between_two_mines_does_not_make_one_of_them() -> None:
    masks = np.zeros((1, *SHAPE), dtype=bool)
    masks[0, 20:40, 20:30] = masks[0, 20:40, 36:50] = True
    masks[0, 30, 33] = True
    patches = found(masks, grid(SHAPE, 32), reach=2)
    assert (patches.area // PIXEL).tolist() == [200, 280]


def test_a_bench_one_pixel_wide_links_the_parts_of_a_mine() -> None:
    masks = np.zeros((1, *SHAPE), dtype=bool)
    masks[0, 20:40, 10:20] = masks[0, 20:40, 50:60] = True
    masks[0, 20, 20:50] = True
    for step in range(5):  # and on along a slope
        masks[0, 40 + step, 20 + step] = True
    patches = found(masks, grid(SHAPE, 32), reach=1)
    assert (patches.area // PIXEL).tolist() == [435]


def test_a_road_through_a_mine_does_not_make_two_of_it() -> None:
    masks = np.zeros((1, *SHAPE), dtype=bool)
    masks[0, 20:40, 20:50] = True
    masks[0, 30:32] = False  # two pixels wide: pixels grown by one touch across it
    its_grid = grid(SHAPE, 32)
    assert [len(found(masks, its_grid, reach=reach)) for reach in (0, 1)] == [2, 1]


def test_the_area_of_a_pixel_is_whole_and_that_of_the_ground() -> None:
    its_grid = grid((100, 170), 64)
    surface = Surface(its_grid)
    whole = surface.pixel_areas(Window(0, 100, 0, 170))
    np.testing.assert_array_equal(
        surface.pixel_areas(Window(31, 77, 60, 131)), whole[31:77, 60:131]
    )
    for window in (Window(0, 1, 0, 1), Window(99, 100, 150, 151), Window(3, 90, 5, 160)):
        expected = surface.pixel_hectares(window) * SQUARE_MILLIMETRES
        assert abs(whole[window.slices].mean() / expected - 1) < 1e-6
