from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rio_cogeo.cogeo import cog_validate
from shapely.geometry import Point, Polygon

from minecover.errors import DataError, StoreError
from minecover.geography.grid import Window
from minecover.geography.ground_area import Surface
from minecover.products import cog
from minecover.products.areas import MapAreas
from minecover.products.landuse import LANDUSE
from minecover.products.legend import LEGEND
from small_map import CODES, SIMULATED, SmallMap, draw_codes, grid, small_map, survey, written

RASTERS = ("landuse.tif", "probability.tif", "entropy.tif", "applicability.tif")

SHAPE = (300, 520)
LEFT, TOP = 585_420.0, 5_648_240.0
CORNER = Polygon(
    [(LEFT, TOP), (LEFT + 5200, TOP), (LEFT + 5200, TOP - 400), (LEFT + 300, TOP - 3000)]
)


def rasters_of(made: SmallMap, folder: Path, **changes: Any) -> tuple[dict[str, Path], MapAreas]:
    """Write the rasters of a map; their paths, and the areas that were counted."""
    publication = written(made.publication(**changes), folder, LANDUSE)
    return dict(publication.paths), publication.result(LANDUSE)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("published")
    made = small_map(folder, draw_codes(SHAPE), grid(SHAPE, 96, CORNER))
    return rasters_of(made, folder / "out")[0]


@pytest.mark.parametrize("name", RASTERS)
def test_the_rasters_are_valid_cogs_with_overviews(published: dict[str, Path], name: str) -> None:
    valid, errors, warnings = cog_validate(str(published[name]))
    assert valid, errors
    assert not errors
    assert not warnings
    with rasterio.open(published[name]) as dataset:
        assert all(dataset.overviews(band) == [2, 4] for band in dataset.indexes)


def test_the_map_carries_colours_names_and_nodata(published: dict[str, Path]) -> None:
    with rasterio.open(published["landuse.tif"]) as dataset:
        assert dataset.dtypes == ("uint8",)
        assert dataset.nodata == 0
        assert dataset.crs.to_epsg() == 32633
        table = dataset.colormap(1)
        assert [table[code] for code in (2, 3, 7)] == [
            (63, 125, 58, 255),
            (47, 111, 176, 255),
            (91, 74, 107, 255),
        ]
        assert table[0][3] == 0
        legend = json.loads(dataset.tags(1)["CLASSES"])
        assert legend == {"2": "forest_and_grass", "3": "water", "7": "mine"}
    with rasterio.open(published["probability.tif"]) as dataset:
        assert dataset.descriptions == ("forest_and_grass", "water", "mine")
        assert np.isnan(dataset.nodata)
    with rasterio.open(published["entropy.tif"]) as dataset:
        assert dataset.units == ("bit",)


def test_every_pixel_of_the_area_is_written_once_and_none_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = small_map(tmp_path, draw_codes(SHAPE), grid(SHAPE, 96, CORNER))
    times = np.zeros(SHAPE, int)
    write = cog.CogWriter.write

    def counting(writer: Any, window: Window, values: Any) -> None:
        if writer.raster.path.name == "landuse.tif":
            times[window.slices] += 1
        write(writer, window, values)

    monkeypatch.setattr(cog.CogWriter, "write", counting)
    paths, summary = rasters_of(made, tmp_path / "out")
    inside = made.grid.area_mask(Window(0, SHAPE[0], 0, SHAPE[1]))
    assert (times[inside] == 1).all()
    assert times.max() == 1
    with rasterio.open(paths["landuse.tif"]) as dataset:
        found = dataset.read(1)
    expected = np.where(inside & ~np.isnan(made.codes), made.codes, 0)
    np.testing.assert_array_equal(found, expected)
    for item in made.survey.classes:
        assert summary.classes[item.name].pixels == (expected == item.code).sum()
    assert summary.nodata.pixels == (inside & np.isnan(made.codes)).sum()


def test_probabilities_and_entropy_are_kept_to_their_step(tmp_path: Path) -> None:
    made = small_map(tmp_path, draw_codes((70, 90)), grid((70, 90), 64))
    paths, summary = rasters_of(made, tmp_path / "out")
    for name, expected in (("probability", made.probability), ("entropy", made.entropy[None])):
        with rasterio.open(paths[f"{name}.tif"]) as dataset:
            np.testing.assert_allclose(dataset.read(), expected, rtol=0, atol=0.5 / 4096)
    water = made.codes == 3
    assert summary.classes["water"].mean_entropy == pytest.approx(
        made.entropy[water].mean(dtype=float), abs=1e-4
    )


def test_the_share_outside_the_area_of_applicability_is_counted_by_class(tmp_path: Path) -> None:
    made = small_map(tmp_path, draw_codes((70, 90)), grid((70, 90), 64))
    paths, summary = rasters_of(made, tmp_path / "out")
    with rasterio.open(paths["applicability.tif"]) as dataset:
        published = dataset.read(1)
        assert float(dataset.tags()["threshold"]) == 0.75
    assert made.dissimilarity is not None
    np.testing.assert_allclose(published, made.dissimilarity, rtol=0, atol=0.5 / 4096)
    shares = summary.applicability
    assert shares is not None
    assert shares["threshold"] == 0.75
    beyond = published > 0.75
    assert shares["outside_share"] == pytest.approx(beyond[~np.isnan(published)].mean(), abs=1e-3)
    for item in made.survey.classes:
        expected = beyond[made.codes == item.code].mean()
        assert shares["classes"][item.name] == pytest.approx(expected, abs=1e-3)


def test_a_file_that_is_no_cog_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = small_map(tmp_path, draw_codes((600, 600)), grid((600, 600), 256))
    copy = rasterio.shutil.copy

    def copying(source: Path, target: Path, **options: Any) -> None:
        copy(source, target, driver="GTiff", blockysize=1)

    monkeypatch.setattr(cog.rasterio.shutil, "copy", copying)
    with pytest.raises(StoreError, match="no valid COG: The file is greater than 512xH"):
        rasters_of(made, tmp_path / "out")


def test_an_overview_holds_the_commonest_class(tmp_path: Path) -> None:
    codes = np.full((512, 512), 2, np.float32)
    codes[::2, ::2] = 7
    made = small_map(tmp_path, codes, grid((512, 512), 256))
    paths, _ = rasters_of(made, tmp_path / "out")
    with rasterio.open(paths["landuse.tif"], overview_level=0) as dataset:
        assert np.unique(dataset.read(1)).tolist() == [2]


def test_equal_maps_are_equal_bytes_whatever_the_tile(tmp_path: Path) -> None:
    found = set()
    for tile in (64, 96, 256):
        made = small_map(tmp_path / str(tile), draw_codes((150, 200)), grid((150, 200), tile))
        paths, _ = rasters_of(made, tmp_path / f"out{tile}")
        found.add(tuple(path.read_bytes() for path in paths.values()))
    assert len(found) == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), min_size=3, max_size=6),
    st.sampled_from([32, 64, 96]),
)
def test_the_mask_does_not_depend_on_the_cut(corners: list[tuple[int, int]], tile: int) -> None:
    area = (
        Polygon([(LEFT + x, TOP - y) for x, y in corners])
        .buffer(0)
        .union(Point(LEFT + 455, TOP - 455).buffer(30))
    )
    cut = grid((90, 90), tile, area)
    found = np.zeros((90, 90), bool)
    for one in cut.tiles:
        window = cut.window(one)
        found[window.slices] = cut.area_mask(window)
    np.testing.assert_array_equal(found, cut.area_mask(Window(0, 90, 0, 90)))


def test_hectares_are_those_of_the_ground(tmp_path: Path) -> None:
    made = small_map(tmp_path, draw_codes((64, 64)), grid((64, 64), 32))
    # Snyder 1987 (USGS PP 1395), eq. 8-11: the scale factor of UTM at this distance from the
    # central meridian is 0.9996 (1 + x^2 / 2R^2) with x = 85.7 km, R = 6382 km
    scale = 0.9996 * (1 + (85.74 / 0.9996 / 6382) ** 2 / 2)
    surface = Surface(made.grid)
    assert surface.pixel_hectares(Window(0, 64, 0, 64)) == pytest.approx(0.01 / scale**2, rel=2e-6)
    equal_area = grid((64, 64), 32, crs="EPSG:3035")
    assert Surface(equal_area).pixel_hectares(Window(0, 64, 0, 64)) == pytest.approx(
        0.01, rel=1e-12
    )


def test_a_strange_code_is_refused(tmp_path: Path) -> None:
    codes = draw_codes((40, 40))
    codes[33, 33] = 9
    made = small_map(tmp_path, codes, grid((40, 40), 32))
    with pytest.raises(DataError, match=r"r0001c0001 holds \[9\.0\]"):
        rasters_of(made, tmp_path / "out")


def test_a_missing_layer_is_named(tmp_path: Path) -> None:
    made = small_map(tmp_path, draw_codes((40, 40)), grid((40, 40), 32))
    other = survey(classes=[{"code": c, "name": f"c{c}", "colour": "#000000"} for c in CODES])
    with pytest.raises(StoreError, match="no layer probability_c2"):
        rasters_of(made, tmp_path / "out", classes=other.classes)


def test_rasters_of_simulated_data_say_so(tmp_path: Path) -> None:
    made = small_map(tmp_path, draw_codes((40, 40)), grid((40, 40), 32))
    for path in rasters_of(made, tmp_path / "simulated", sources=SIMULATED)[0].values():
        with rasterio.open(path) as dataset:
            assert dataset.tags()["SIMULATED"] == "YES"
            assert dataset.tags()["SIMULATED_SOURCES"] == "An optical sensor"
        assert cog_validate(str(path))[0]
    for path in rasters_of(made, tmp_path / "observed")[0].values():
        with rasterio.open(path) as dataset:
            assert "SIMULATED" not in dataset.tags()


def test_the_legend_beside_the_map_names_every_class(tmp_path: Path) -> None:
    made = small_map(tmp_path, draw_codes((40, 40)), grid((40, 40), 32))
    written(made.publication(), tmp_path, LEGEND)
    root = ET.parse(tmp_path / "landuse.tif.aux.xml").getroot()
    categories = [element.text or "" for element in root.iter("Category")]
    assert categories == ["", "", "forest_and_grass", "water", "", "", "", "mine"]
    rows = [[cell.text for cell in row.iter("F")] for row in root.iter("Row")]
    assert rows[2] == ["7", "mine", "91", "74", "107"]
    entries = ET.parse(tmp_path / "landuse.qml").getroot().iter("paletteEntry")
    assert [(e.get("value"), e.get("label"), e.get("color")) for e in entries][1] == (
        "3",
        "water",
        "#2f6fb0",
    )
