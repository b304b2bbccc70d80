"""Rasters of one's own on the grid of a survey."""

from __future__ import annotations

from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rasterio.warp import Resampling, reproject

import minecover as mc


def grid(height: int = 60, width: int = 50, chunk: int = 16) -> xr.DataArray:
    bounds = (500_000, 4_400_000, 500_000 + 10 * width, 4_400_000 + 10 * height)
    geobox = GeoBox.from_bbox(bounds, "EPSG:32649", resolution=10)
    pixels = da.zeros((height, width), chunks=chunk, dtype="float32")
    return xr.DataArray(pixels, xr_coords(geobox), ("y", "x"), "grid")


def written(path: Path, values: np.ndarray, geobox: GeoBox, nodata: float | None = None) -> Path:
    profile = {"driver": "GTiff", "count": len(values), "dtype": values.dtype, "nodata": nodata,
               "height": values.shape[1], "width": values.shape[2]}  # fmt: skip
    with rasterio.open(
        path, "w", crs=str(geobox.crs), transform=geobox.affine, **profile
    ) as dataset:
        dataset.write(values)
        for number in dataset.indexes:
            dataset.set_band_description(number, f"depth_{number}")
            dataset.set_band_unit(number, "m")
    return path


def test_what_was_exported_comes_back_on_its_grid(tmp_path: Path) -> None:
    like = grid()
    given = like.copy(data=np.random.default_rng(0).random(like.shape).astype(np.float32))
    given[3, 4] = np.nan
    given.attrs["units"] = "m"
    (path,) = mc.export(given.rename("depth"), tmp_path / "depth.tif")
    found = mc.open_raster(path, like)
    assert isinstance(found.data, da.Array)
    assert found.chunksizes["y"] == like.chunksizes["y"]
    xr.testing.assert_identical(
        found.drop_vars("spatial_ref"),
        given.rename("depth").assign_attrs(long_name="depth").drop_vars("spatial_ref"),
    )
    assert (found - given).shape == given.shape
    xr.testing.assert_identical(mc.open_raster(path, like.to_dataset()), found)
    assert found.rio.crs.to_epsg() == 32649


@pytest.mark.parametrize("chunk", [16, 23, 60])
def test_another_projection_is_resampled_whatever_the_chunks(tmp_path: Path, chunk: int) -> None:
    like = grid(chunk=chunk)
    box = (110.9998, 39.7482, 111.0052, 39.7527)
    degrees = GeoBox.from_bbox(box, "EPSG:4326", resolution=0.0002)
    values = np.random.default_rng(1).random((2, *degrees.shape)).astype(np.float32)
    path = written(tmp_path / "x.tif", values, degrees, nodata=np.nan)
    found = mc.open_raster(path, like)
    assert found.dims == ("band", "y", "x")
    assert found["band"].values.tolist() == ["depth_1", "depth_2"]
    assert found.attrs["units"] == "m"
    expected = np.full((2, *like.shape), np.nan, np.float32)
    reproject(
        values, expected, src_transform=degrees.affine, src_crs="EPSG:4326", src_nodata=np.nan,
        dst_transform=like.odc.geobox.affine, dst_crs="EPSG:32649", dst_nodata=np.nan,
        resampling=Resampling.bilinear, tolerance=0.001,
    )  # fmt: skip
    assert np.isnan(expected).any()
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=2e-3)


def test_whole_numbers_are_not_mixed(tmp_path: Path) -> None:
    like = grid()
    fine = GeoBox.from_bbox(like.odc.geobox.boundingbox, "EPSG:32649", resolution=7)
    codes = np.random.default_rng(2).choice([0, 1, 9], (1, *fine.shape)).astype(np.uint8)
    path = written(tmp_path / "codes.tif", codes, fine, nodata=0)
    found = mc.open_raster(path, like)
    assert found.dtype == np.float32
    assert set(np.unique(found.values[np.isfinite(found.values)])) == {1, 9}
    assert np.isnan(found.values).any()
    mixed = mc.open_raster(path, like, resampling="average")
    assert 1 < np.nanmean(mixed.values) < 9
    assert ((mixed.values > 1) & (mixed.values < 9)).any()


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(mc.DataError, match=r"path: cannot read .*no\.tif"):
        mc.open_raster(tmp_path / "no.tif", grid())
    path = tmp_path / "plain.tif"
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(path, "w", "GTiff", 4, 4, 1, dtype="uint8") as dataset,
    ):
        dataset.write(np.ones((1, 4, 4), np.uint8))
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        pytest.raises(mc.DataError, match="has no CRS"),
    ):
        mc.open_raster(path, grid())
    with pytest.raises(mc.DataError, match="like: no grid can be made out"):
        mc.open_raster(path, grid().isel(x=[0, 1, 5]))


def test_each_grid_and_resampling_of_a_file_is_computed_for_itself(tmp_path: Path) -> None:
    like = grid()
    fine = GeoBox.from_bbox(like.odc.geobox.boundingbox, "EPSG:32649", resolution=2)
    values = np.random.default_rng(3).random((1, *fine.shape)).astype(np.float32)
    path = written(tmp_path / "x.tif", values, fine, nodata=np.nan)
    mean, near = (mc.open_raster(path, like, resampling=way) for way in ("average", "nearest"))  # type: ignore[arg-type]
    np.testing.assert_array_equal((mean - near).values, mean.values - near.values)
    assert abs(mean - near).max() > 0.1
    shifted = mc.open_raster(path, like.assign_coords(x=like.x + 200), resampling="average")
    alone = mean.values
    first, second = dask.compute(shifted, mean)
    np.testing.assert_array_equal(second.values, alone)
    np.testing.assert_array_equal(first.values[:, :30], alone[:, 20:])
    part = mc.open_raster(path, like[:10], resampling="average")
    np.testing.assert_array_equal((part - mean).values, np.zeros((10, 50)))
    again = mc.open_raster(path, like, resampling="average")
    assert again.data.name == mean.data.name
    written(path, values + 1, fine, nodata=np.nan)
    other = mc.open_raster(path, like, resampling="average")
    assert other.data.name != mean.data.name


def test_a_grid_without_coordinates_is_the_one_of_its_transform(tmp_path: Path) -> None:
    like = grid()
    (path,) = mc.export(like.rename("depth"), tmp_path / "depth.tif")
    bare = like.rio.write_transform().drop_vars(["y", "x"])
    found = mc.open_raster(path, bare)
    np.testing.assert_allclose(found["x"], like["x"])
    np.testing.assert_allclose(found["y"], like["y"])


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    like = grid()
    (path,) = mc.export(like.rename("depth"), tmp_path / "depth.tif")
    with pytest.raises(mc.SurveyError, match="resampling: no 'means'; there are nearest"):
        mc.open_raster(path, like, resampling="means")  # type: ignore[arg-type]
    for wrong in (None, like.values):
        with pytest.raises(mc.SurveyError, match="like: a DataArray or Dataset is wanted, as res"):
            mc.open_raster(path, wrong)  # type: ignore[arg-type]
    with pytest.raises(mc.SurveyError, match="path: the name of a file is wanted, not NoneType"):
        mc.open_raster(None, like)  # type: ignore[arg-type]
    places = {axis: like[axis].values for axis in ("y", "x")}
    with pytest.raises(mc.DataError, match="like: it has no CRS"):
        mc.open_raster(path, xr.DataArray(like.values, places, ("y", "x")))
    with pytest.raises(mc.DataError, match=r"like: dimensions y and x .*has lat, lon.*rename"):
        mc.open_raster(path, like.rename(y="lat", x="lon"))
