"""Positions and weights: exact copies, no bleeding, the same however the target is cut."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.warp import Resampling, reproject

from minecover.geography.grid import Window
from minecover.sources.native import NativeGrid
from minecover.sources.resample import sampling

UTM = NativeGrid("EPSG:32649", (10.0, 0.0, 500_000.0, 0.0, -10.0, 4_400_000.0), (60, 80))


def box(left: float, top: float, shape: tuple[int, int], pixel: float, crs: str = "EPSG:32649"):  # noqa: ANN201
    return GeoBox(shape, Affine(pixel, 0, left, 0, -pixel, top), crs)


def raster(grid: NativeGrid, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((2, *grid.shape)).astype(np.float32)


def warp(values: np.ndarray, grid: NativeGrid, target: GeoBox) -> np.ndarray:
    place = sampling(target, grid)
    if place.window is None:
        return np.full((len(values), *target.shape), np.nan, np.float32)
    return place.bilinear(values[:, *place.needed.slices])


def test_an_aligned_window_is_copied_bit_for_bit_and_nan_outside() -> None:
    values = raster(UTM)
    out = warp(values, UTM, box(499_950, 4_400_020, (10, 12), 10))
    assert np.array_equal(out[:, 2:, 5:], values[:, :8, :7])
    assert np.isnan(out[:, :2]).all()
    assert np.isnan(out[:, :, :5]).all()


def test_twenty_metres_to_ten_is_bilinear_with_quarters() -> None:
    grid = NativeGrid("EPSG:32649", (20.0, 0.0, 500_000.0, 0.0, -20.0, 4_400_000.0), (4, 4))
    values = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    out = warp(values, grid, box(500_000, 4_400_000, (8, 8), 10))
    # (0.75, 0.25) along both axes of a field that rises by 1 to the right and by 4 downwards
    assert out[0, 2, 2] == pytest.approx(0.75 * 4 + 0.25 * 0 + 0.75 * 1 + 0.25 * 0)
    assert out[0, 3, 5] == pytest.approx(4 * 1.25 + 2.25)


@given(seed=st.integers(0, 1000), value=st.floats(-1e6, 1e6, width=32), dx=st.floats(-9, 9))
@settings(deadline=None, max_examples=30)
def test_what_is_masked_never_bleeds(seed: int, value: float, dx: float) -> None:
    rng = np.random.default_rng(seed)
    values = raster(UTM, seed)
    masked = rng.random(UTM.shape) < 0.4
    target = box(500_100 + dx, 4_399_900 - dx, (20, 20), 10)
    clean, dirty = values.copy(), values.copy()
    dirty[:, masked] = value
    dirty[:, masked] = np.nan
    clean[:, masked] = np.nan
    assert np.array_equal(warp(clean, UTM, target), warp(dirty, UTM, target), equal_nan=True)
    out = warp(clean, UTM, target)
    held = clean[np.isfinite(clean)]
    assert np.nanmin(out) >= held.min() - 1e-6
    assert np.nanmax(out) <= held.max() + 1e-6


def test_a_pixel_is_valid_where_the_pixel_it_lies_in_is() -> None:
    grid = NativeGrid("EPSG:32649", (20.0, 0.0, 500_000.0, 0.0, -20.0, 4_400_000.0), (4, 4))
    values = np.ones((1, 4, 4), np.float32)
    values[0, 1, 2] = np.nan
    out = warp(values, grid, box(500_000, 4_400_000, (8, 8), 10))
    expected = np.zeros((8, 8), bool)
    expected[2:4, 4:6] = True
    assert np.array_equal(np.isnan(out[0]), expected)
    assert (out[0][~expected] == 1).all()


@given(
    crs=st.sampled_from(["EPSG:32649", "EPSG:32650", "EPSG:4326", "EPSG:3035"]),
    row=st.integers(1, 31),
    column=st.integers(1, 31),
    pixel=st.sampled_from([5.0, 10.0, 20.0, 30.0]),
    halo=st.integers(0, 3),
)
@settings(deadline=None, max_examples=40)
def test_it_does_not_depend_on_how_the_target_is_cut(
    crs: str, row: int, column: int, pixel: float, halo: int
) -> None:
    target = box(500_010, 4_399_990, (32, 32), pixel)
    grid = own_grid(crs)
    values = raster(grid)
    whole = warp(values, grid, target)
    for window in (
        Window(0, row, 0, column), Window(row, 32, 0, column),
        Window(0, row, column, 32), Window(row, 32, column, 32),
    ):  # fmt: skip
        padded = window.pad(halo)
        affine = target.affine @ Affine.translation(padded.x0, padded.y0)
        part = warp(values, grid, GeoBox(padded.shape, affine, target.crs))
        height, width = window.shape
        inner = part[:, halo : halo + height, halo : halo + width]
        assert np.array_equal(inner, whole[:, *window.slices], equal_nan=True)


def own_grid(crs: str) -> NativeGrid:
    """Grid of 60 x 80 pixels in `crs` around the target."""
    if crs == "EPSG:32649":
        return UTM
    left, bottom, right, top = UTM.bounds(crs)
    a, e = (right - left) / 80, (top - bottom) / 60
    return NativeGrid(crs, (a, 0.0, left, 0.0, -e, top), (60, 80))


@pytest.mark.parametrize("crs", ["EPSG:32650", "EPSG:4326"])
def test_another_crs_agrees_with_gdals_exact_bilinear(crs: str) -> None:
    grid = own_grid(crs)
    values = raster(grid)
    target = box(500_100, 4_399_900, (30, 30), 10)
    expected = np.full((30, 30), np.nan, np.float32)
    reproject(
        values[0], expected, src_transform=grid.affine, src_crs=crs,
        dst_transform=target.affine, dst_crs="EPSG:32649", src_nodata=np.nan, dst_nodata=np.nan,
        resampling=Resampling.bilinear, tolerance=0, XSCALE=1, YSCALE=1,
    )  # fmt: skip
    out = warp(values, grid, target)[0]
    assert np.abs(out - expected).max() < 2e-4


def test_a_coarser_target_is_the_mean_of_the_pixels_in_it() -> None:
    values = raster(UTM)
    values[:, 3, 4] = np.nan
    out = warp(values, UTM, box(500_000, 4_400_000, (10, 10), 30))
    blocks = values[:, :30, :30].reshape(2, 10, 3, 10, 3)
    assert np.allclose(out, np.nanmean(blocks, axis=(2, 4)), atol=1e-6)


def test_off_the_raster_there_is_no_window() -> None:
    assert sampling(box(600_000, 4_400_000, (8, 8), 10), UTM).window is None


def test_nearest_takes_the_pixel_a_pixel_lies_in() -> None:
    grid = NativeGrid("EPSG:32649", (20.0, 0.0, 500_000.0, 0.0, -20.0, 4_400_000.0), (2, 2))
    codes = np.array([[[1, 2], [3, 4]]], np.float32)
    place = sampling(box(500_000, 4_400_000, (4, 4), 10), grid)
    out = place.nearest(codes, Window(0, 2, 0, 2), np.float32(np.nan))
    assert np.array_equal(out[0], np.repeat(np.repeat(codes[0], 2, 0), 2, 1))
