"""What a store holds, as xarray and pandas objects."""

from __future__ import annotations

from pathlib import Path

import dask.array as da
import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr
from shapely.geometry import Point, box

import minecover as mc
from minecover.accuracy.estimates import from_matrix
from minecover.accuracy.tables import accuracy_table
from minecover.api.datasets import computed_layers
from minecover.api.results import Results
from minecover.geography.grid import Grid
from minecover.layers import Layer, Variable, raster_layers
from minecover.ledger.markers import Ledger
from minecover.samples.sample_set import parquet_bytes
from minecover.storage.names import FORMAT
from minecover.storage.raster_array import cube_arrays, feature_array, names_of
from minecover.storage.store import Store
from minecover.survey.grid import survey_grid
from minecover.workflow.stage import Workspace
from small_map import draw_codes, small_map, survey

SEASONS = ("summer", "winter")
SURFACE = Variable("reflectance", "surface reflectance", "band")
CONTENTS = (
    Layer("B04", "sentinel2", "band", "1", True, "red", "B4", variable=SURFACE),
    Layer("B08", "sentinel2", "band", "1", True, "near infrared", "B8", variable=SURFACE),
    Layer("elevation", "terrain", "terrain", "m", False, "height", "elevation"),
)
AREA = {"bbox": [500_000, 5_600_000, 501_000, 5_600_700], "crs": "EPSG:32633"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, dict[str, np.ndarray]]:
    """A store with every raster, samples, accuracy and mines, of random numbers."""
    folder = tmp_path_factory.mktemp("results")
    wanted = survey(area=AREA, grid={"crs": "EPSG:32633", "tile": 32}, store=str(folder / "store"))
    grid = survey_grid(wanted)
    codes = draw_codes(grid.shape)
    small_map(folder, codes, grid, wanted)
    store, values = Store(wanted.store), {"landuse": codes}
    rng = np.random.default_rng(0)
    for name, arrays in (
        ("cube.zarr", cube_arrays(SEASONS, CONTENTS)),
        ("features.zarr", (feature_array(raster_layers(SEASONS, CONTENTS)),)),
    ):
        layers = store.create_layers(name, grid, arrays, {})
        given = rng.random((len(names_of(arrays)), *grid.shape)).astype(np.float32)
        for tile in grid.tiles:
            layers.write_tile(grid, tile, given[:, *grid.window(tile).slices])
        values |= {f"{name}:{layer}": image for layer, image in zip(layers.names, given)}  # noqa: B905
    _write_tables(store, grid)
    return Results(store, wanted), values


INTERVALS = {
    "overall_accuracy": {"low": 0.7, "high": 0.95, "method": "bootstrap"},
    "classes": {"water": {"users_accuracy": None}},
}


def _write_tables(store: Store, grid: Grid) -> None:
    identity = {"name": "small", "format": FORMAT, "grid": {"crs": grid.crs}}
    store.write_json("survey.json", identity)
    table = pd.DataFrame({"id": [0, 1], "x": [500_015.0, 500_025.0], "y": [5_600_005.0] * 2,
                          "code": [2, 7], "name": ["forest_and_grass", "mine"]})  # fmt: skip
    store.write("samples.parquet", parquet_bytes(table))
    split = from_matrix(np.array([[8, 2], [1, 9]]), ("water", "mine")).to_dict()
    store.write_json("accuracy.json", {"splits": {"random": split | {"intervals": INTERVALS}}})
    mines = gpd.GeoDataFrame({"area_ha": [1.5]}, geometry=[box(0, 0, 1, 1)], crs=grid.crs)
    with store.writing_file("products/mines.gpkg") as path:
        mines.to_file(path, driver="GPKG")


Made = tuple[Results, dict[str, np.ndarray]]


def test_rasters_are_lazy_and_found_by_season_and_band(made: Made) -> None:
    results, values = made
    cube = results.cube
    assert isinstance(cube["reflectance"].data, da.Array)
    assert cube["reflectance"].dims == ("season", "band", "y", "x")
    assert cube["reflectance"].chunks == ((1, 1), (2,), (32, 32, 6), (32, 32, 32, 4))
    picked = cube["reflectance"].sel(season="winter", band="B08")
    np.testing.assert_array_equal(picked.values, values["cube.zarr:winter_B08"])
    np.testing.assert_array_equal(cube["elevation"].values, values["cube.zarr:elevation"])
    assert cube["reflectance"].rio.crs.to_epsg() == 32633
    assert cube["reflectance"].odc.geobox == survey_grid(results.survey).geobox


def test_features_are_found_by_name_season_and_feature(made: Made) -> None:
    results, values = made
    features = results.features
    np.testing.assert_array_equal(
        features.sel(layer="summer_B04").values, values["features.zarr:summer_B04"]
    )
    winter = features.sel(season="winter")
    assert list(winter["feature"].values) == ["B04", "B08"]
    assert str(features.sel(source="terrain")["unit"].values) == "m"
    one = winter.sel(feature="B08")
    np.testing.assert_array_equal(one.values, values["features.zarr:winter_B08"])


def test_a_point_is_the_pixel_that_holds_it(made: Made) -> None:
    results, values = made
    to_degrees = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    for row, column in ((0, 0), (69, 99), (30, 41)):
        for off in (0.2, 9.8):  # metres from the pixel's corner
            x, y = 500_000 + 10 * column + off, 5_600_700 - 10 * row - off
            here = results.map.point(*to_degrees.transform(x, y))
            expected = values["landuse"][row, column]
            np.testing.assert_equal(float(here["landuse"]), float(expected))
    series = results.cube["reflectance"].point(*to_degrees.transform(x, y))
    assert series.dims == ("season", "band")
    with pytest.raises(mc.DataError, match="16, 50 is not on the array, which reaches from 15"):
        results.map.point(16.0, 50.0)
    # parts keep the right place, also those that were strided; a part with a gap has none
    part = results.map["landuse"].isel(x=slice(1, None, 3), y=slice(10, None, 2))
    assert float(part.point(*to_degrees.transform(x, y))) == float(part[10, 13])
    with pytest.raises(mc.DataError, match="point: no grid can be made out"):
        results.map.isel(x=[0, 1, 5]).point(15.0, 50.5)
    bare = xr.DataArray(np.zeros((2, 2)), {"y": [1.0, 0.0], "x": [0.0, 1.0]}, ("y", "x"))
    with pytest.raises(mc.DataError, match="has no CRS"):
        bare.point(16.0, 50.0)


def test_the_map_says_what_its_codes_mean(made: Made) -> None:
    landuse = made[0].map["landuse"]
    assert landuse.attrs["flag_values"] == [2.0, 3.0, 7.0]
    assert landuse.attrs["flag_meanings"] == "forest_and_grass water mine"
    assert list(made[0].map["class"].values) == ["forest_and_grass", "water", "mine"]


def test_samples_and_mines_know_where_they_lie(made: Made) -> None:
    samples, mines = made[0].samples, made[0].mines
    assert samples.crs.to_epsg() == mines.crs.to_epsg() == 32633
    assert samples.geometry.iloc[1] == Point(500_025, 5_600_005)


def test_accuracy_has_intervals(made: Made) -> None:
    table = made[0].accuracy.loc["random"]
    overall = table.loc[("overall_accuracy", "all")]
    assert (overall["value"], overall["low"], overall["high"], overall["points"]) == (
        0.85, 0.7, 0.95, 20
    )  # fmt: skip
    assert np.isnan(table.loc[("users_accuracy", "water"), "low"])
    user = table.loc[("users_accuracy", "mine")]
    # Wilson's interval of 9 of 11, by its formula
    assert user["value"] == pytest.approx(9 / 11)
    z, p, n = 1.959964, 9 / 11, 11
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (user["low"], user["high"]) == pytest.approx((middle - half, middle + half))
    assert np.isnan(table.loc[("kappa", "all"), "low"])
    none = accuracy_table(from_matrix(np.array([[0, 0], [0, 4]]), ("water", "mine")).to_dict())
    assert none.loc[("users_accuracy", "water"), ["value", "low"]].isna().all()


def test_mapped_areas_need_the_survey(made: Made) -> None:
    results, values = made
    areas = results.areas()
    for name, code in results.survey.class_codes.items():
        # a pixel of this zone is within 0.2 % of its nominal size
        expected = (values["landuse"] == code).sum() * 0.01
        assert areas.loc[name, "mapped_ha"] == pytest.approx(expected, rel=2e-3)
    with pytest.raises(mc.StoreError, match=r"open_survey\(\.\.\.\)\.results\(\)"):
        mc.open_store(results.store.url).areas()


def test_estimated_areas_have_intervals(made: Made, tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_json(
        "survey.json", {"name": "small", "format": FORMAT, "grid": {"crs": "EPSG:32649"}}
    )
    estimate = {"value": 10.0, "standard_error": 1.0, "low": 8.04, "high": 11.96}
    document = {"classes": ["mine"], "mapped_ha": {"mine": 9.0}, "area_ha": {"mine": estimate}}
    store.write_json("products/areas.json", document)
    row = mc.open_store(str(tmp_path)).areas().loc["mine"]
    assert row.to_dict() == {"mapped_ha": 9.0, "area_ha": 10.0, "low_ha": 8.04, "high_ha": 11.96}


def test_what_is_not_there_is_named(made: Made, tmp_path: Path) -> None:
    results = made[0]
    assert "stages done: none" in repr(results)
    assert results.status.loc["cube", "state"] == "open"
    with pytest.raises(mc.StoreError, match="no survey was begun"):
        mc.open_store(tmp_path / "nothing")
    store = Store(str(tmp_path))
    store.write_json(
        "survey.json", {"name": "small", "format": FORMAT, "grid": {"crs": "EPSG:32649"}}
    )
    empty = mc.open_store(tmp_path)
    for wanted in ("cube", "features", "map", "samples", "accuracy", "mines"):
        with pytest.raises(mc.StoreError, match="not there; run"):
            getattr(empty, wanted)


def test_a_store_of_the_format_before_says_what_to_do(tmp_path: Path) -> None:
    Store(str(tmp_path)).write_json("survey.json", {"name": "old", "format": 2})
    with pytest.raises(mc.StoreError, match=r"format 2.*give another store"):
        mc.open_store(tmp_path)


def test_features_that_are_not_stored_are_computed(made: Made) -> None:
    """Of a raster that stands for them: its layers are numbers of the pixel's place."""
    grid, layout = survey_grid(made[0].survey), feature_array(raster_layers(SEASONS, CONTENTS))
    stored = made[0].store.layers("features.zarr")
    lazy = computed_layers({"": stored}, grid, layout)
    assert lazy.chunks == ((len(layout.layers),), (32, 32, 6), (32, 32, 32, 4))
    xr.testing.assert_equal(
        lazy.drop_vars("spatial_ref"), made[0].features.drop_vars("spatial_ref")
    )
    assert lazy.rio.crs.to_epsg() == 32633
    assert list(lazy.sel(season="winter")["feature"].values) == ["B04", "B08"]


def test_results_of_other_settings_are_told(made: Made) -> None:
    results = made[0]
    ledger = Ledger(results.store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Workspace, "fingerprints", lambda _: iter([("assess", "a"), ("predict", "p")])
        )
        ledger.finish_stage("assess", "a", 0, facts={}, seconds=1.0)
        ledger.finish_stage("predict", "other", 0, facts={}, seconds=1.0)
        assert list(results.status.loc[["assess", "predict"], "state"]) == ["done", "outdated"]
        assert "stages done: assess>" in repr(results)
        assert not results.accuracy.empty
        with pytest.warns(UserWarning, match=r'predict: .* survey\.run\(until="predict"\)'):
            results.areas()
        ledger.finish_stage("predict", "p", 0, facts={}, seconds=1.0)
        results.areas()
        # what was invalidated is still there
        ledger.begin_generation("assess", 1, {})
        with pytest.warns(UserWarning, match="assess: "):
            _ = results.accuracy
    results.store.delete("ledger")


def test_features_that_no_store_holds_need_the_survey(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_json(
        "survey.json", {"name": "small", "format": FORMAT, "grid": {"crs": "EPSG:32649"}}
    )
    Ledger(store).finish_stage("features", "f", 0, facts={}, seconds=1.0)
    with pytest.raises(mc.StoreError, match=r"not stored; .*open_survey\(\.\.\.\)\.results"):
        _ = mc.open_store(tmp_path).features
