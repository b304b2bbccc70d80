"""Rows of reflectance from digital numbers, against the same arithmetic step by step."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from minecover.sources.images import Images
from minecover.sources.native import NativeGrid
from minecover.sources.outliers import count_beyond
from minecover.sources.resample import sampling
from minecover.sources.strips import blank_incomplete, mosaic_rows

LEFT, TOP, SIDE = 500_000.0, 4_400_000.0, 24
TARGET = GeoBox((SIDE, SIDE), Affine(10, 0, LEFT, 0, -10, TOP), "EPSG:32649")
ITEMS, BANDS = 3, 2


def grid_of(crs: str, pixel: float, off: float) -> NativeGrid:
    """Grid of pixels around a part of the target, in its own CRS or the next zone's."""
    left, top = LEFT + off, TOP - off
    if crs != "EPSG:32649":
        whole = NativeGrid("EPSG:32649", (10, 0, LEFT, 0, -10, TOP), (SIDE, SIDE))
        left, _, _, top = whole.bounds(crs)
    return NativeGrid(crs, (pixel, 0, left, 0, -pixel, top), (20, 21))


def images_of(grid: NativeGrid, seed: int, dtype: type) -> Images | None:
    rng, place = np.random.default_rng(seed), sampling(TARGET, grid)
    if place.window is None:
        return None
    shape = place.window.shape
    numbers = rng.integers(0, 40, (ITEMS, BANDS, *shape)).astype(dtype)
    if dtype is np.float32:
        numbers[rng.random(numbers.shape) < 0.1] = np.nan
        numbers[rng.random(numbers.shape) < 0.02] = np.inf
    rescaling = np.full((ITEMS, BANDS, 5), np.nan, np.float32)
    rescaling[..., 0] = rng.choice([0, -1000, 0.25], (ITEMS, BANDS))
    rescaling[..., 1] = rng.choice([1e-4, 0.3], (ITEMS, BANDS))
    rescaling[..., 2:4] = 0, 7
    clear = rng.random((ITEMS, *shape)) < 0.7
    return Images(["a", "b"], np.array([3, 1]), grid, place, numbers, rescaling, clear)


def reflectance(images: Images) -> np.ndarray:
    """(item, band, y, x) on the images' own grid, by arrays."""
    numbers = images.numbers.astype(np.float32)
    offset, scale = images.rescaling[..., 0, None, None], images.rescaling[..., 1, None, None]
    values = (numbers + offset) * scale
    values[~np.isfinite(numbers) | np.isin(numbers, [0, 7])] = np.nan
    return np.where(images.clear[:, None], values, np.float32(np.nan))


@given(
    st.sampled_from(["EPSG:32649", "EPSG:32650"]),
    st.sampled_from([3.0, 10.0, 20.0, 60.0]),
    st.sampled_from([-70.0, -20.0, 0.0, 3.7, 50.0, 190.0]),
    st.integers(0, 1000),
    st.sampled_from([np.uint16, np.float32]),
    st.integers(1, SIDE - 1),
)
@settings(deadline=None, max_examples=60)
def test_rows_are_what_arrays_give_however_they_are_cut(
    crs: str, pixel: float, off: float, seed: int, dtype: type, cut: int
) -> None:
    images = images_of(grid_of(crs, pixel, off), seed, dtype)
    if images is None:
        return
    expected = np.stack([images.place.bilinear(own) for own in reflectance(images)])
    out = np.full((ITEMS, 4, SIDE, SIDE), 5, np.float32)
    for start, stop in ((0, cut), (cut, SIDE)):
        part = np.empty((ITEMS, 4, stop - start, SIDE), np.float32)
        images.fill(start, stop, part)
        out[:, [3, 1], start:stop] = part[:, [3, 1]]
    assert np.array_equal(out[:, [3, 1]], expected, equal_nan=True)
    assert (out[:, [0, 2]] == 5).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_what_lies_beyond_bounds_is_counted_where_it_is_clear(dtype: type) -> None:
    images = images_of(grid_of("EPSG:32649", 10, 0), 3, dtype)
    assert images is not None
    low, high = np.float32(-0.05), np.float32(2.0)
    found = count_beyond(images.numbers, images.clear, images.rescaling, low, high)
    values = reflectance(images)
    assert np.array_equal(found, ((values < low) | (values > high)).sum(axis=(2, 3)))
    assert found.any()


def test_many_images_are_looked_at_in_the_memory_of_one() -> None:
    items, bands = 100, 4
    numbers = np.full((items, bands, 2, 3), 100, np.uint16)
    rescaling = np.full((items, bands, 5), np.nan, np.float32)
    rescaling[..., 1] = 1
    rescaling[..., 0] = -90.0 - np.arange(items * bands).reshape(items, bands)  # no two alike
    clear = np.ones((items, 2, 3), np.bool_)
    clear[:, 0, 0] = False
    bounds = np.float32(-300), np.float32(0.0)
    count_beyond(numbers, clear, rescaling, *bounds)  # compiled
    tracemalloc.start()
    found = count_beyond(numbers, clear, rescaling, *bounds)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 100 - 90 - n lies within -300 to 0 for n of 10 to 310
    expected = [0 if 10 <= n <= 310 else 5 for n in range(items * bands)]
    assert found.ravel().tolist() == expected
    assert peak < 4 * 2**20  # of 400 images that each have 65,536 possible numbers


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_the_first_item_that_is_whole_fills_its_overpass(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random((4, 3, 5, 6)).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = np.nan
    overpasses = np.array([1, 0, 1, 1])
    stack = np.full((2, 3, 5, 6), np.nan, np.float32)
    bright, valid = np.zeros(4, bool), np.zeros(4, np.int64)
    blanked = values.copy()
    blank_incomplete(blanked, np.float32(0.9), bright, valid)
    mosaic_rows(blanked, overpasses, stack)
    for y, x in np.ndindex(5, 6):
        for overpass in (0, 1):
            whole = [v for v, o in zip(values[:, :, y, x], overpasses, strict=True)
                     if o == overpass and np.isfinite(v).all()]  # fmt: skip
            first = whole[0] if whole else np.full(3, np.nan)
            assert np.array_equal(stack[overpass, :, y, x], first, equal_nan=True)
    assert np.array_equal(bright, np.nanmax(values, axis=(1, 2, 3)) > 0.9)
    assert np.array_equal(valid, np.isfinite(values[:, 0]).sum(axis=(1, 2)))
