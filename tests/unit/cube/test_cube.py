"""The cube job: layers, all four sources, the same however the grid is cut."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _catalogs import (
    BANDS,
    EPSG,
    LEFT,
    TOP,
    CatalogWriter,
    arrays_of_cube,
    cube_names,
    cube_of,
    scenes_of,
    source_of,
    survey_over,
    whole_of,
)
from minecover.errors import DataError
from minecover.sources import observations
from minecover.sources.strips import blank_incomplete, mosaic_rows
from minecover.stages.cube import CubeJob
from minecover.storage.names import CUBE_RASTER
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")

SEASONS = {"spring": ["2021-03-01/2021-05-31"], "summer": ["2021-06-01/2021-08-31"]}
SHAPE = (96, 96)


def noise(seed: int, high: int = 9000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    dn = rng.integers(1, high, SHAPE).astype(np.uint16)
    dn[rng.random(SHAPE) < 0.2] = 0
    return dn


@given(st.integers(0, 2**31), st.integers(1, 6))
@settings(max_examples=25)
def test_an_item_an_overpass_gives_what_mosaics_of_them_do(seed: int, count: int) -> None:
    """The composite takes a way of its own where no two items share an overpass."""
    rng = np.random.default_rng(seed)
    values = rng.random((count, 3, 4, 5)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    plain = values.copy()
    blank_incomplete(plain, np.float32(1), np.zeros(count, bool), np.zeros(count, np.int64))
    stack = np.full_like(values, np.nan)
    mosaic_rows(plain, np.arange(count), stack)
    assert np.array_equal(stack, plain, equal_nan=True)
    incomplete = np.isnan(values).any(axis=1)
    assert np.array_equal(np.isnan(plain), np.broadcast_to(incomplete[:, None], values.shape))


def test_a_season_is_the_same_in_room_that_is_given(catalog: Path) -> None:
    survey = survey_over(catalog, SHAPE, seasons=SEASONS)
    source, scenes = source_of(survey, "sentinel2"), scenes_of(survey, "sentinel2", "summer")
    room = tuple(np.full(SHAPE, -9, np.float32) for _ in source.layers())
    assert source.compose(replace(scenes, room=room)) is room
    assert np.array_equal(np.stack(room), source.compose(scenes), equal_nan=True)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    writer = CatalogWriter(tmp_path_factory.mktemp("catalog"))
    for n, when in enumerate(
        ["2021-04-01", "2021-04-11", "2021-07-01", "2021-07-11", "2021-07-21"]
    ):
        writer.sentinel2(f"s2-{n}", f"{when}T03:00:00Z", noise(n))
        rng = np.random.default_rng(n)
        backscatter = {key: rng.gamma(4, 0.02, SHAPE).astype("f4") for key in ("vv", "vh")}
        writer.item("sentinel-1-rtc", f"s1-{n}", f"{when}T10:00:00Z", backscatter, nodata=-32768)
    heights = np.random.default_rng(0).normal(1300, 40, (40, 40)).astype(np.float32)
    more: dict[str, Any] = {"left": LEFT - 90, "top": TOP + 90, "pixels": 30.0, "nodata": None}
    writer.item("nasadem", "dem", "2000-02-20T00:00:00Z", {"elevation": heights}, **more)
    lights = np.random.default_rng(1).integers(0, 500, (40, 40)).astype(np.int32)
    writer.item("luojia-1", "ntl", "2018-09-01T13:00:00Z", {"dn": lights}, **more)
    return writer.write()


def survey_of(where: Path, tile: int = 96, **more: Any) -> Survey:
    sources = {
        "sentinel2": {"scl": None, **more.pop("sentinel2", {})},
        "sentinel1": {},
        "terrain": {},
        "night_lights": {"collection": "luojia-1"},
    }
    grid = {"crs": f"EPSG:{EPSG}", "tile": tile}
    return survey_over(where, SHAPE, seasons=SEASONS, sources=sources, grid=grid, **more)


def test_layers_are_array_after_array_in_each_season_by_season(catalog: Path) -> None:
    names = cube_names(survey_of(catalog))
    seasons = tuple(SEASONS)
    bands = tuple(f"{season}_{band}" for season in seasons for band in BANDS)
    clear = tuple(f"{season}_CLEAR" for season in seasons)
    backscatter = tuple(f"{season}_{name}" for season in seasons for name in ("VV", "VH"))
    assert names == (*bands, *clear, *backscatter, "elevation", "NTL")
    assert len(names) == 2 * 13 + 2
    bare = survey_over(catalog, seasons=SEASONS)
    assert len(cube_names(bare)) == 2 * 11


def test_arrays_say_their_units_and_what_values_can_be(catalog: Path) -> None:
    found = {array.name: dict(array.attributes) for array in arrays_of_cube(survey_of(catalog))}
    assert found["reflectance"] == {
        "long_name": "surface reflectance of Sentinel-2",
        "units": "1",
        "valid_min": -0.1,
        "valid_max": 6.5535,
    }
    assert found["clear"]["valid_min"] == 0.0
    assert (found["elevation"]["units"], found["elevation"]["valid_max"]) == ("m", 9000.0)
    assert found["backscatter"]["units"] == "dB"
    assert found["night_lights"]["long_name"] == "night-time light radiance"


@pytest.fixture(scope="module")
def whole(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return cube_of(survey_of(catalog), tmp_path_factory.mktemp("whole"))


def test_values_are_the_seasons_composites(catalog: Path, whole: np.ndarray) -> None:
    names = cube_names(survey_of(catalog))
    stack = np.array([noise(n) for n in (2, 3, 4)], np.float32)
    stack[stack == 0] = np.nan
    clear = np.isfinite(stack).sum(axis=0)
    assert np.array_equal(whole[names.index("summer_CLEAR")], clear)
    seen = clear > 0
    expected = np.nanmedian(stack[:, seen], axis=0) * 1e-4
    for band in BANDS:
        layer = whole[names.index(f"summer_{band}")]
        assert np.isnan(layer[~seen]).all()
        assert np.allclose(layer[seen], expected, atol=1e-6)
    assert np.isfinite(whole[names.index("summer_VV")]).all()
    assert 1000 < whole[names.index("elevation")].mean() < 1600
    assert 0 < whole[names.index("NTL")].mean() < 500**1.5 * 1e-10


@pytest.mark.parametrize("reader", ["native", "stackstac", "odc-stac"])
def test_the_cube_does_not_depend_on_tiles_parts_or_reader(
    catalog: Path, whole: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    monkeypatch.setattr(observations, "PART_BYTES", 100_000)
    monkeypatch.setattr(observations, "SMALLEST_PART", 8)
    cut = cube_of(survey_of(catalog, tile=64, catalog={"reader": reader}), tmp_path)
    assert np.array_equal(cut, whole, equal_nan=True)


def test_the_job_tells_what_it_read(catalog: Path, tmp_path: Path) -> None:
    survey = survey_of(catalog, sentinel2={"composite": "geometric_median"})
    cube = cube_of(survey, tmp_path)
    job = pickle.loads(pickle.dumps(CubeJob(str(tmp_path), survey)))
    assert job == CubeJob(str(tmp_path), survey)
    assert hash(job) == hash(CubeJob(str(tmp_path), survey))
    facts = job(survey_grid(survey).tiles[0])
    assert facts["items"] == 5 + 5 + 1 + 1
    assert facts["pixels_read"] > 5 * 12 * 96 * 96
    assert 0 < facts["nodata_sentinel2"] < 0.05
    assert facts["nodata_sentinel1"] == facts["nodata_terrain"] == facts["nodata_night_lights"] == 0
    again = whole_of(Store(str(tmp_path)).layers(CUBE_RASTER))
    assert np.array_equal(again, cube, equal_nan=True)


def test_a_tile_off_every_item_is_nodata_with_no_clear_observation(
    catalog: Path, tmp_path: Path
) -> None:
    survey = survey_over(
        catalog, (96, 256), seasons=SEASONS, grid={"crs": f"EPSG:{EPSG}", "tile": 128}
    )
    cube = cube_of(survey, tmp_path)
    names = cube_names(survey)
    clear = [n for n, name in enumerate(names) if name.endswith("CLEAR")]
    assert (cube[clear][:, :, 128:] == 0).all()
    bands = [n for n in range(len(names)) if n not in clear]
    assert np.isnan(cube[bands][:, :, 128:]).all()


def test_a_damaged_file_leaves_the_tile_unwritten(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path / "catalog")
    writer.sentinel2("good", "2021-06-10T03:00:00Z", noise(1))
    survey = survey_over(writer.write(), SHAPE)
    path = tmp_path / "catalog" / "sentinel-2-l2a" / "good" / "B12.tif"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="item good, asset B12"):
        cube_of(survey, tmp_path / "store")
    assert not list((tmp_path / "store" / CUBE_RASTER / "reflectance" / "c").rglob("0"))
