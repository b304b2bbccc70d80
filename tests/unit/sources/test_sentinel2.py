"""Sentinel-2: offsets, assets, masks before resampling, overpasses, damaged files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from _catalogs import (
    BANDS,
    EPSG,
    LEFT,
    TOP,
    CatalogWriter,
    frozen,
    scenes_of,
    source_of,
    survey_over,
)
from minecover.errors import DataError
from minecover.geography.grid import Grid, Tile
from minecover.sources.manifest import Manifest
from minecover.sources.observations import observations
from minecover.sources.sentinel2 import Sentinel2, Sentinel2Settings
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")

READERS = ("native", "stackstac", "odc-stac")


def raw_item(asset: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {"id": "an-item", "properties": properties, "assets": {"B02": asset or {}}}


ES = {"raster:bands": [{"nodata": 0, "scale": 0.0001, "offset": -0.1}]}
OLD_ES = {"raster:bands": [{"nodata": 0, "scale": 0.0001, "offset": 0}]}
CDSE = {"raster:scale": 0.0001, "raster:offset": -0.1}
V11 = {"bands": [{"name": "B02"}], "raster:scale": 0.0001, "raster:offset": -0.1}


@pytest.mark.parametrize(
    ("item", "offset", "reason"),
    [
        (raw_item(**{"s2:processing_baseline": "03.01"}), 0, "s2:processing_baseline 03.01"),
        (raw_item(**{"s2:processing_baseline": "04.00"}), -1000, "s2:processing_baseline 04.00"),
        (raw_item(**{"s2:processing_baseline": "05.11"}), -1000, "s2:processing_baseline 05.11"),
        # Earth Search v1: applied, and still named
        (
            raw_item(ES, **{"earthsearch:boa_offset_applied": True}),
            0,
            "earthsearch:boa_offset_applied",
        ),
        (raw_item(ES, **{"earthsearch:boa_offset_applied": False}), -1000, "raster offset -0.1"),
        # sentinel-2-c1-l2a: an offset and no flag
        (raw_item(ES, **{"s2:processing_baseline": "05.10"}), -1000, "raster offset -0.1"),
        # an older scene: no offset
        (raw_item(OLD_ES, **{"s2:processing_baseline": "02.12"}), 0, "raster offset 0"),
        (raw_item(OLD_ES), 0, "raster offset 0"),
        # Copernicus Data Space: baseline 05.00 of a scene of 2020
        (raw_item(CDSE, datetime="2020-03-22T07:46:09Z"), -1000, "raster offset -0.1"),
        (raw_item(V11), -1000, "raster offset -0.1"),
        (raw_item(**{"processing:version": "05.00"}), -1000, "processing:version 05.00"),
        (
            raw_item(**{"s2:product_uri": "S2A_MSIL2A_20230216T150721_N0400_R082_T19PHS.SAFE"}),
            -1000,
            "product name N0400",
        ),
    ],
)
def test_the_items_own_record_decides(item: dict[str, Any], offset: float, reason: str) -> None:
    made = Sentinel2(Sentinel2Settings()).scaling(item, "B02")
    assert made.offset == offset
    assert made.scale == 0.0001
    assert reason in made.reason


def test_without_any_record_the_setting_is_named() -> None:
    item = raw_item(datetime="2023-01-01T00:00:00Z")
    with pytest.raises(DataError, match=r"item an-item, asset B02.*sources\.sentinel2\.offset"):
        Sentinel2(Sentinel2Settings()).scaling(item, "B02")
    assert Sentinel2(Sentinel2Settings(offset="none")).scaling(item, "B02").offset == 0


@pytest.mark.parametrize(
    ("folder", "offset"),
    [
        ("planetary-computer/sentinel-2-l2a", None),
        ("earth-search/sentinel-2-l2a", 0),
        ("earth-search/sentinel-2-c1-l2a", -1000),
        ("cdse/sentinel-2-l2a", -1000),
    ],
)
def test_recorded_items_of_providers(shared_data: Path, folder: str, offset: int | None) -> None:
    paths = sorted((shared_data / "stac_items" / folder).glob("*.json"))
    assert paths
    for path in paths:
        item = json.loads(path.read_text())
        source = Sentinel2(Sentinel2Settings())
        keys = source.assets(item)
        assert set(keys) == {*BANDS, "SCL"}
        made = {source.scaling(item, keys[band]).offset for band in BANDS}
        recorded = item["properties"].get("s2:processing_baseline", "")
        by_baseline = -1000 if recorded >= "04.00" else 0
        assert made == {by_baseline if offset is None else offset}, path.name


def test_a_missing_asset_names_item_asset_and_setting() -> None:
    item = {"id": "an-item", "assets": {band: {} for band in BANDS if band != "B8A"}}
    item["assets"]["narrow_nir"] = {}
    with pytest.raises(DataError) as caught:
        Sentinel2(Sentinel2Settings(scl=None)).assets(item)
    for part in ("an-item", "missing: B8A", "nir08", "narrow_nir", "sources.sentinel2.assets"):
        assert part in str(caught.value)
    settings = Sentinel2Settings(scl=None, assets={"B8A": "narrow_nir"})
    assert Sentinel2(settings).assets(item)["B8A"] == "narrow_nir"
    with pytest.raises(DataError, match=r"missing: SCL.*sources\.sentinel2\.scl.*null"):
        Sentinel2(settings.model_copy(update={"scl": "SCL"})).assets(item)


def stack_of(survey: Survey, tile: Tile | None = None, season: str = "summer") -> np.ndarray:
    grid = survey_grid(survey)
    manifest = frozen(survey, grid)
    return read(survey, grid, manifest, tile, season)


def read(
    survey: Survey, grid: Grid, manifest: Manifest, tile: Tile | None = None, season: str = "summer"
) -> np.ndarray:
    target = grid.geobox if tile is None else grid.window_geobox(grid.window(tile))
    scenes = scenes_of(survey, "sentinel2", season, manifest)
    source = cast(Sentinel2, source_of(survey, "sentinel2"))
    return observations(source, scenes.reader, scenes.items, target)


def noise(seed: int = 0, shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 9000, shape).astype(np.uint16)


@pytest.mark.parametrize("reader", READERS)
def test_an_identical_grid_is_copied_and_harmonised(tmp_path: Path, reader: str) -> None:
    writer = CatalogWriter(tmp_path)
    dn = noise()
    dn[5, 6] = 0
    writer.sentinel2("old", "2021-06-10T03:00:00Z", dn)
    new = {"s2:processing_baseline": "04.00"}
    writer.sentinel2("new", "2021-07-10T03:00:00Z", np.where(dn, dn + 1000, 0).astype("u2"), **new)
    stack = stack_of(survey_over(writer.write(), catalog={"reader": reader}))
    expected = np.where(dn, dn.astype(np.float32) * np.float32(1e-4), np.nan)
    assert stack.shape == (2, 10, 64, 64)
    for observed in stack.reshape(20, 64, 64):
        assert np.array_equal(observed, expected, equal_nan=True)


@pytest.mark.parametrize("reader", READERS)
def test_clouds_are_masked_before_anything_is_resampled(tmp_path: Path, reader: str) -> None:
    # 20 m bands and SCL; bright clouds whose DN must not reach a neighbour
    scl = np.full((32, 32), 4, np.uint8)
    scl[10:20, 10:20] = 9
    ground = np.full((64, 64), 1000, np.uint16)
    ground[20:40, 20:40] = 60000
    coarse = ground[::2, ::2].copy()
    rasters = dict.fromkeys(("B05", "B06", "B07", "B8A", "B11", "B12"), coarse) | {"SCL": scl}
    writer = CatalogWriter(tmp_path)
    writer.sentinel2(
        "cloudy", "2021-06-10T03:00:00Z", ground,
        rasters=rasters, pixels=dict.fromkeys(rasters, 20.0),
    )  # fmt: skip
    survey = survey_over(
        writer.write(), catalog={"reader": reader}, sources={"sentinel2": {"scl": "SCL"}}
    )
    stack = stack_of(survey)[0]
    cloudy = np.zeros((64, 64), bool)
    cloudy[20:40, 20:40] = True
    assert np.isnan(stack[:, cloudy]).all()
    assert np.allclose(stack[:, ~cloudy], 0.1, atol=1e-7)


def test_an_observation_counts_where_all_bands_are_valid(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    hole = noise(1)
    hole[3, 3] = 0
    writer.sentinel2("one", "2021-06-10T03:00:00Z", noise(), rasters={"B11": hole})
    stack = stack_of(survey_over(writer.write()))[0]
    assert np.isnan(stack[:, 3, 3]).all()
    assert np.isfinite(stack).sum() == 10 * (64 * 64 - 1)


def test_an_overpass_counts_once_and_its_items_fill_each_other(tmp_path: Path) -> None:
    writer = CatalogWriter(tmp_path)
    west, east = noise(1), noise(2)
    west[:, 40:] = 0
    east[:, :20] = 0
    writer.sentinel2("a", "2021-06-10T03:00:00Z", west)
    writer.sentinel2("b", "2021-06-10T03:00:12Z", east)
    stack = stack_of(survey_over(writer.write()))
    assert stack.shape[0] == 1
    expected = np.where(west, west, east).astype(np.float32) * np.float32(1e-4)
    assert np.array_equal(stack[0, 0], expected)


def test_the_same_ground_in_the_next_utm_zone_counts_once(tmp_path: Path) -> None:
    """A smooth field seen in two zones: the survey's own zone is copied, the other fills in."""
    import pyproj

    to_next = pyproj.Transformer.from_crs(EPSG, EPSG + 1, always_xy=True)
    left, bottom, right, top = to_next.transform_bounds(LEFT, TOP - 640, LEFT + 640, TOP)
    left, top = left // 10 * 10 - 20, top // 10 * 10 + 20
    shape = (int((top - bottom) // 10) + 4, int((right - left) // 10) + 4)
    y, x = np.mgrid[: shape[0], : shape[1]]
    own_x, own_y = to_next.transform(
        left + 10 * (x + 0.5), top - 10 * (y + 0.5), direction="INVERSE"
    )
    other = np.round(field(own_x, own_y)).astype(np.uint16)
    rows, columns = np.mgrid[:64, :64]
    own = np.round(field(LEFT + 10 * (columns + 0.5), TOP - 10 * (rows + 0.5))).astype(np.uint16)
    hidden = own.copy()
    hidden[:, :32] = 0
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("zone-50", "2021-06-10T03:00:00Z", other, left=left, top=top, crs=EPSG + 1)
    writer.sentinel2("zone-49", "2021-06-10T03:00:00Z", hidden)
    stack = stack_of(survey_over(writer.write()))
    assert stack.shape[0] == 1
    assert np.array_equal(stack[0, 0, :, 32:], own[:, 32:] * np.float32(1e-4))
    assert np.abs(stack[0, 0] - own * np.float32(1e-4)).max() < 2e-4


def field(x: Any, y: Any) -> Any:
    return 3000 + 2 * (x - LEFT) + 1.5 * (TOP - y)


@pytest.mark.parametrize("odd", [0.0, 3.7])
def test_readers_agree_and_a_tile_is_a_cut_of_the_whole(tmp_path: Path, odd: float) -> None:
    """Also off the lattice, where pixels are resampled."""
    writer = CatalogWriter(tmp_path)
    for n in range(3):
        dn = noise(n, (80, 90))
        dn[dn < 1500] = 0
        writer.sentinel2(f"i{n}", f"2021-06-{n + 10}T03:00:00Z", dn, left=LEFT - 90 + odd * n)
    path = writer.write()
    surveys = {
        kind: survey_over(path, catalog={"reader": kind}, grid={"crs": f"EPSG:{EPSG}", "tile": 32})
        for kind in READERS
    }
    whole = {kind: stack_of(survey) for kind, survey in surveys.items()}
    for found in whole.values():
        assert np.array_equal(found, whole["stackstac"], equal_nan=True)
    grid = survey_grid(surveys["stackstac"])
    manifest = frozen(surveys["stackstac"], grid)
    for tile in grid.tiles:
        part = read(surveys["stackstac"], grid, manifest, tile)
        cut = whole["stackstac"][:, :, *grid.window(tile).slices]
        assert np.array_equal(part, cut, equal_nan=True)


@pytest.mark.parametrize("reader", READERS)
def test_a_truncated_file_is_named(tmp_path: Path, reader: str) -> None:
    writer = CatalogWriter(tmp_path)
    writer.sentinel2("good", "2021-06-10T03:00:00Z", noise())
    writer.sentinel2("short", "2021-06-20T03:00:00Z", noise())
    survey = survey_over(writer.write(), catalog={"reader": reader})
    path = tmp_path / "sentinel-2-l2a" / "short" / "B05.tif"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    grid = survey_grid(survey)
    manifest = frozen(survey, grid)
    with pytest.raises(DataError, match=r"item short, asset B05: cannot read .*short/B05\.tif"):
        read(survey, grid, manifest)


def strzegom(shared_data: Path, offset: str) -> np.ndarray:
    survey = survey_over(
        shared_data / "strzegom" / "catalog.json",
        area={"bbox": (585420.0, 5648240.0, 589430.0, 5652250.0), "crs": "EPSG:32633"},
        grid={"crs": "EPSG:32633"},
        seasons={"before": ["2021-06-19/2021-06-19"], "after": ["2022-07-19/2022-07-19"]},
        sources={"sentinel2": {"scl": None, "offset": offset}},
    )
    return np.stack([stack_of(survey, season=season)[0] for season in ("before", "after")])


def test_both_sides_of_baseline_4_agree_once_harmonised(shared_data: Path) -> None:
    """Strzegom, 2021-06-19 (baseline 03.00) and 2022-07-19 (04.00): forest, visible and SWIR.

    Not 2022-06-19, a hazy day: there B02 over forest lies 0.016 above 2021-06-19.
    """
    import rasterio

    with rasterio.open(shared_data / "strzegom" / "labels_west.tif") as raster:
        forest = raster.read(1) == 1
    bands = [BANDS.index(band) for band in ("B02", "B03", "B04", "B11", "B12")]

    def difference(offset: str) -> np.ndarray:
        before, after = strzegom(shared_data, offset)
        return np.nanmedian((after - before)[bands][:, forest], axis=1)

    harmonised = difference("auto")
    assert np.abs(harmonised).max() < 0.015
    assert np.allclose(difference("none") - harmonised, 0.1, atol=1e-5)
