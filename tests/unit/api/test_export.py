"""Layers of a store, and arrays, as GeoTIFFs: what any GIS reads from them."""

from __future__ import annotations

import tracemalloc
import xml.etree.ElementTree as ET
from pathlib import Path

import dask.array as da
import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rio_cogeo.cogeo import cog_validate
from shapely.geometry import Polygon, box

import minecover as mc
from minecover.geography.grid import Window
from small_store import SmallStore, begin_stage, small_store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return small_store(tmp_path_factory.mktemp("made"))


def renderer_of(path: Path) -> ET.Element:
    found = ET.parse(path.with_suffix(".qml")).getroot().find("pipe/rasterrenderer")
    assert found is not None
    return found


def test_a_season_is_one_file_in_true_colour(made: SmallStore, tmp_path: Path) -> None:
    (path,) = mc.export(
        made.results, tmp_path, raster="cube", bands=["B02", "B03", "B04", "B08"], seasons="summer"
    )
    assert path.name == "summer_reflectance.tif"
    assert cog_validate(path, strict=True)[0]
    with rasterio.open(path) as dataset:
        assert dataset.crs.to_epsg() == 32633
        assert dataset.transform == made.grid.geobox.affine
        assert dataset.descriptions == ("summer_B02", "summer_B03", "summer_B04", "summer_B08")
        assert np.isnan(dataset.nodata)
        for number, name in enumerate(dataset.descriptions, start=1):
            np.testing.assert_array_equal(dataset.read(number), made.values[f"cube:{name}"])
        assert dataset.tags()["SURVEY"] == "small"
        assert dataset.tags(1)["LONG_NAME"] == "surface reflectance"
    shown = renderer_of(path)
    assert shown.get("type") == "multibandcolor"
    assert [shown.get(f"{colour}Band") for colour in ("red", "green", "blue")] == ["3", "2", "1"]


def test_three_bands_are_shown_in_the_order_given(made: SmallStore, tmp_path: Path) -> None:
    (path,) = mc.export(made.results, tmp_path, bands=["B08", "B04", "B03"], seasons="winter")
    assert path.name == "winter_B08_B04_B03.tif"
    with rasterio.open(path) as dataset:
        assert dataset.descriptions == ("winter_B08", "winter_B04", "winter_B03")
        np.testing.assert_array_equal(dataset.read(1), made.values["cube:winter_B08"])
    shown = renderer_of(path)
    assert [shown.get(f"{colour}Band") for colour in ("red", "green", "blue")] == ["1", "2", "3"]


def test_seasons_are_of_the_bands_that_have_one(made: SmallStore, tmp_path: Path) -> None:
    paths = mc.export(made.results, tmp_path, bands=["CLEAR", "elevation"], seasons="winter")
    assert [path.stem for path in paths] == ["winter_CLEAR", "elevation"]
    paths = mc.export(made.results, tmp_path, raster="cube", seasons="winter")
    assert [path.stem for path in paths] == ["winter_reflectance", "winter_CLEAR"]


def test_features_are_a_file_each_with_statistics_and_a_ramp(
    made: SmallStore, tmp_path: Path
) -> None:
    paths = mc.export(made.results, tmp_path, raster="features")
    assert [path.stem for path in paths] == ["summer_NDVI", "winter_NDVI", "elevation", "slope"]
    for path in paths:
        expected = made.values[f"features:{path.stem}"]
        with rasterio.open(path) as dataset:
            assert dataset.descriptions == (path.stem,)
            np.testing.assert_array_equal(dataset.read(1), expected)
            tags = dataset.tags(1)
        assert float(tags["STATISTICS_MEAN"]) == pytest.approx(np.nanmean(expected), abs=1e-6)
        assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(np.nanstd(expected), abs=1e-6)
        assert float(tags["STATISTICS_MAXIMUM"]) == pytest.approx(np.nanmax(expected), rel=1e-6)
        assert float(tags["STATISTICS_VALID_PERCENT"]) == pytest.approx(100 * 6999 / 7000)
    with rasterio.open(paths[3]) as dataset:
        assert dataset.units == ("degree",)
    shader = renderer_of(paths[0]).find("rastershader/colorrampshader")
    assert shader is not None
    items = [float(str(item.get("value"))) for item in shader.findall("item")]
    assert items[2] == pytest.approx(0, abs=1e-6)
    assert items[0] == pytest.approx(-0.98, abs=0.02)
    assert items == sorted(items)


def test_the_map_has_the_surveys_colours(made: SmallStore, tmp_path: Path) -> None:
    paths = {path.stem: path for path in mc.export(made.results, tmp_path, raster="map")}
    assert set(paths) == {"landuse", "entropy", "dissimilarity", "probability"}
    entries = renderer_of(paths["landuse"]).findall("colorPalette/paletteEntry")
    assert [(e.get("value"), e.get("label"), e.get("color")) for e in entries] == [
        ("2", "forest_and_grass", "#3f7d3a"),
        ("3", "water", "#2f6fb0"),
        ("7", "mine", "#5b4a6b"),
    ]
    with rasterio.open(paths["landuse"]) as dataset:
        codes = np.nan_to_num(made.values["map:landuse"]).astype(np.uint8)
        np.testing.assert_array_equal(dataset.read(1), codes)
        assert dataset.nodata == 0
        assert dataset.colormap(1)[7] == (91, 74, 107, 255)
    with rasterio.open(paths["entropy"]) as dataset:
        assert dataset.units == ("bit",)
    with rasterio.open(paths["probability"]) as dataset:
        assert dataset.descriptions[1] == "probability_water"


def test_a_store_alone_gives_colours_once_they_are_published(
    made: SmallStore, tmp_path: Path
) -> None:
    alone = mc.open_store(made.store.url)
    with pytest.warns(UserWarning, match="does not know the colours of the classes"):
        mc.export(alone, tmp_path, layers="landuse")
    classes = [
        {"value": item.code, "description": item.name, "color_hint": item.colour[1:].upper()}
        for item in made.survey.classes
    ]
    nodata = {"value": 0, "description": "no data"}
    item = {"assets": {"landuse": {"classification:classes": [nodata, *classes]}}}
    made.store.write_json("products/item.json", item)
    try:
        (path,) = mc.export(alone, tmp_path, layers="landuse")
    finally:
        made.store.remove("products/item.json")
    entries = renderer_of(path).findall("colorPalette/paletteEntry")
    assert [entry.get("color") for entry in entries] == ["#3f7d3a", "#2f6fb0", "#5b4a6b"]


def test_an_area_is_cut_out(made: SmallStore, tmp_path: Path) -> None:
    left, top = 500_000.0, 5_600_700.0
    corner = Polygon([(left + 213, top - 92), (left + 604, top - 92), (left + 604, top - 413)])
    area = gpd.GeoDataFrame(geometry=[corner], crs="EPSG:32633")
    file = tmp_path / "areas.gpkg"
    area.to_file(file, layer="pit")
    paths = [
        mc.export(made.results, tmp_path / f"out{n}", layers=["winter_B03", "landuse"], area=given)
        for n, given in enumerate((area, area.geometry, file, f"{file}|layername=pit"))
    ]
    for band, landuse in paths:
        with rasterio.open(band) as dataset:
            assert (dataset.transform.c, dataset.transform.f) == (left + 210, top - 90)
            assert dataset.shape == (33, 40)
            found = dataset.read(1)
        place = np.s_[9:42, 21:61]
        x, y = made.grid.centres(Window(9, 42, 21, 61))
        inside = gpd.GeoSeries.from_xy(x.ravel(), y.ravel()).within(corner).to_numpy()
        expected = np.where(
            inside.reshape(x.shape), made.values["cube:winter_B03"][place], np.float32(np.nan)
        )
        np.testing.assert_array_equal(found, expected)
        with rasterio.open(landuse) as dataset:
            assert (dataset.read(1)[~inside.reshape(x.shape)] == 0).all()


def test_a_box_is_in_degrees(made: SmallStore, tmp_path: Path) -> None:
    degrees = gpd.GeoSeries([box(500_200, 5_600_200, 500_400, 5_600_400)], crs=32633).to_crs(4326)
    (path,) = mc.export(
        made.results, tmp_path, layers="elevation", area=tuple(degrees.total_bounds)
    )
    with rasterio.open(path) as dataset:
        bounds = dataset.bounds
    assert bounds.left == pytest.approx(500_200, abs=15)
    assert bounds.top == pytest.approx(5_600_400, abs=15)
    with pytest.raises(mc.SurveyError, match="does not touch the layers, which reach from 15"):
        mc.export(made.results, tmp_path, layers="elevation", area=(10.0, 50.0, 10.1, 50.1))
    with pytest.raises(mc.SurveyError, match="left, bottom, right, top"):
        mc.export(made.results, tmp_path, layers="elevation", area=(10.0, 50.0, 9.0, 50.1))
    with pytest.raises(mc.SurveyError, match=r"^area: cannot read"):
        mc.export(made.results, tmp_path, layers="elevation", area=tmp_path / "no.gpkg")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({}, "choose what is exported"),
        ({"seasons": "summer"}, "choose what is exported"),
        ({"raster": "maps"}, "raster: no maps; there are map, cube, features"),
        (
            {"layers": ["summer_NDVI", "summer_NDWI"]},
            "layers: no summer_NDWI; there are\n  map",
        ),
        ({"bands": "B99"}, r"cube: B02, B03, B04, B08, CLEAR, elevation; of summer, winter"),
        ({"bands": "B08", "seasons": "spring"}, "seasons: no spring"),
        ({"raster": "map", "seasons": "summer"}, "seasons: no summer; there are"),
        ({"layers": "landuse", "seasons": "summer"}, "leave out bands and seasons"),
    ],
)
def test_a_name_that_is_not_there_is_answered_by_those_there_are(
    made: SmallStore, tmp_path: Path, chosen: dict[str, str], message: str
) -> None:
    with pytest.raises(mc.SurveyError, match=message):
        mc.export(made.results, tmp_path / "out", **chosen)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_tiles_that_are_not_done_are_said(tmp_path: Path) -> None:
    made = small_store(tmp_path)
    begin_stage(made, "cube", done=5)
    with pytest.warns(UserWarning, match="cube: 5 of 12 tiles are done"):
        mc.export(made.results, tmp_path / "out", layers="summer_CLEAR")
    begin_stage(made, "cube", done=12)
    mc.export(made.results, tmp_path / "out", layers="summer_CLEAR")


def test_an_interrupted_export_leaves_what_was_there(
    made: SmallStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = mc.export(made.results, tmp_path, layers="elevation")
    path.with_name("elevation.tif.aux.xml").write_text("<PAMDataset/>")
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    def failing(*_: object) -> bool:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr("minecover.products.export.Statistics.describe", failing)
        with pytest.raises(mc.StoreError, match="cannot be written: no space left"):
            mc.export(made.results, tmp_path, layers=["elevation", "winter_NDVI"])
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
    mc.export(made.results, tmp_path, layers="elevation")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["elevation.qml", "elevation.tif"]


def array(values: object, **coords: object) -> xr.DataArray:
    """Lay values (..., y, x) on a grid; further coordinates name the dimensions before."""
    pixels = values if isinstance(values, da.Array) else np.asarray(values)
    height, width = pixels.shape[-2:]
    bounds = (500_000, 5_600_000, 500_000 + 20 * width, 5_600_000 + 20 * height)
    geobox = GeoBox.from_bbox(bounds, "EPSG:32649", shape=(height, width))
    dims = (*coords, "y", "x")
    labels = {name: (name, list(given)) for name, given in coords.items()}  # type: ignore[call-overload]
    return xr.DataArray(pixels, xr_coords(geobox) | labels, dims, "shade")


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16", "uint16", "bool"])
def test_pixels_of_any_type_stay_what_they_are(tmp_path: Path, dtype: str) -> None:
    values = (np.arange(2 * 40 * 50).reshape(2, 40, 50) % 251).astype(dtype)
    given = array(values, time=["a", "b"])
    (path,) = mc.export(given, tmp_path / "x.tif")
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(), values)
        assert dataset.descriptions == ("a", "b")
        assert dataset.dtypes[0] == ("uint8" if dtype == "bool" else dtype)


def test_an_array_with_its_rows_from_south_to_north_is_turned(tmp_path: Path) -> None:
    given = array(np.arange(30.0).reshape(5, 6))
    (path,) = mc.export(given.isel(y=slice(None, None, -1)), tmp_path / "x.tif")
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(1), given.values)
        assert dataset.transform == given.odc.geobox.affine


def test_codes_of_classes_get_their_names_and_colours(tmp_path: Path) -> None:
    given = array(np.array([[1, 2], [255, 2]], dtype=np.uint8)).rio.write_nodata(255)
    given.attrs |= {
        "flag_values": [1, 2], "flag_meanings": "pit dump", "flag_colors": "#112233 #445566"
    }  # fmt: skip
    (path,) = mc.export(given, tmp_path / "x.tif")
    with rasterio.open(path) as dataset:
        assert dataset.read(1).tolist() == [[1, 2], [0, 2]]
    entries = renderer_of(path).findall("colorPalette/paletteEntry")
    assert [(e.get("label"), e.get("color")) for e in entries] == [
        ("pit", "#112233"), ("dump", "#445566")
    ]  # fmt: skip
    given.attrs["flag_values"] = [0, 2]
    with pytest.raises(mc.DataError, match="codes are 1 to 255"):
        mc.export(given, tmp_path / "x.tif")


def test_a_dataset_is_a_file_for_each_array(made: SmallStore, tmp_path: Path) -> None:
    paths = mc.export(made.results.cube.sel(season="winter"), tmp_path)
    assert [path.name for path in paths] == ["clear.tif", "elevation.tif", "reflectance.tif"]
    with rasterio.open(paths[2]) as dataset:
        assert dataset.descriptions == ("B02", "B03", "B04", "B08")
        np.testing.assert_array_equal(dataset.read(4), made.values["cube:winter_B08"])
    assert renderer_of(paths[2]).get("redBand") == "3"


def test_what_cannot_be_a_geotiff_is_refused(made: SmallStore, tmp_path: Path) -> None:
    given = array(np.zeros((4, 5), complex))
    with pytest.raises(mc.DataError, match="pixels of complex128; convert them"):
        mc.export(given, tmp_path / "x.tif")
    with pytest.raises(mc.DataError, match="let its name end in"):
        mc.export(array(np.zeros((4, 5))), tmp_path / "x")
    with pytest.raises(mc.DataError, match="has no CRS"):
        mc.export(xr.DataArray(np.zeros((4, 5)), dims=("y", "x")), tmp_path / "x.tif")
    uneven = array(np.zeros((4, 5))).isel(x=[0, 1, 4])
    with pytest.raises(mc.DataError, match="shade: no grid can be made out"):
        mc.export(uneven, tmp_path / "x.tif")
    with pytest.raises(mc.SurveyError, match="choose from an array by its own"):
        mc.export(array(np.zeros((4, 5))), tmp_path / "x.tif", seasons="summer")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("chunk", [64, 50])
def test_memory_does_not_grow_with_a_lazy_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("minecover.api.array_files.BLOCK_BYTES", 2**20)
    monkeypatch.setattr("minecover.products.statistics.SAMPLE", 1000)

    def peak(edge: int) -> int:
        pixels = da.zeros((2, edge, edge), chunks=(2, chunk, chunk), dtype="float32")
        tracemalloc.start()
        mc.export(array(pixels, band=["a", "b"]), tmp_path / f"{edge}.tif")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(64)  # imports
    small = peak(512)
    assert peak(1536) < 1.5 * small < 1536 * 1536 * 8


@pytest.mark.parametrize("name", ["a.tiff", "a.TIF", "a.b.tif"])
def test_a_file_is_written_under_the_name_given(tmp_path: Path, name: str) -> None:
    (path,) = mc.export(array(np.ones((4, 5))), tmp_path / name)
    assert path == tmp_path / name
    with rasterio.open(path) as dataset:
        assert dataset.shape == (4, 5)
    style = path.with_suffix(".qml").name
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([name, style])


def test_a_name_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(mc.DataError, match=r"let its name end in \.tif or \.tiff"):
        mc.export(array(np.ones((4, 5))), tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_several_files_go_to_a_folder(made: SmallStore, tmp_path: Path) -> None:
    with pytest.raises(mc.SurveyError, match=r"path: .*m\.tif: files of several layers go to a"):
        mc.export(made.results.map, tmp_path / "m.tif")
    with pytest.raises(mc.SurveyError, match=r"path: .*m\.TIFF: files of several layers go to a"):
        mc.export(made.results, tmp_path / "m.TIFF", raster="map")
    assert not list(tmp_path.iterdir())


def test_features_that_are_not_stored_are_said(tmp_path: Path) -> None:
    made = small_store(tmp_path)
    alone = mc.open_store(made.store.url)
    made.store.write_json("features.json", {"texture_range": [0, 1]})
    with pytest.raises(mc.SurveyError, match="bands: no B99; there are") as caught:
        mc.export(alone, tmp_path / "out", bands="B99")
    assert "not stored" not in str(caught.value)
    made.store.delete("features.zarr")
    message = r"features are not stored here but .*export them by the survey, mc\.export"
    with pytest.raises(mc.SurveyError, match=message):
        mc.export(alone, tmp_path / "out", bands="NDVI")
    with pytest.raises(mc.SurveyError, match=f"raster: {message}"):
        mc.export(alone, tmp_path / "out", raster="features", bands="NDVI")


def test_a_box_is_any_four_numbers(made: SmallStore, tmp_path: Path) -> None:
    degrees = gpd.GeoSeries([box(500_200, 5_600_200, 500_400, 5_600_400)], crs=32633).to_crs(4326)
    edges = degrees.total_bounds
    shapes = []
    for given in (tuple(edges), edges.tolist(), edges, box(*edges)):
        (path,) = mc.export(made.results, tmp_path, layers="elevation", area=given)
        with rasterio.open(path) as dataset:
            shapes.append(dataset.shape)
    assert len(set(shapes)) == 1
    for wrong in ((1, 1, 2), [1, 1, 2, "x"]):
        with pytest.raises(mc.SurveyError, match="area: a box is four numbers"):
            mc.export(made.results, tmp_path, layers="elevation", area=wrong)  # type: ignore[arg-type]
    with pytest.raises(mc.SurveyError, match=r"area: a file of polygons, .* is wanted, not int"):
        mc.export(made.results, tmp_path, layers="elevation", area=5)  # type: ignore[arg-type]


def test_arguments_of_a_wrong_type_are_named(made: SmallStore, tmp_path: Path) -> None:
    for data, kind in ((None, "NoneType"), (np.zeros((4, 5)), "ndarray")):
        with pytest.raises(mc.SurveyError, match=f"data: results of a survey, .*, not {kind}"):
            mc.export(data, tmp_path / "out")  # type: ignore[arg-type]
    with pytest.raises(mc.SurveyError, match=r"data: .* not Survey; open those .* by \.results\("):
        mc.export(made.survey, tmp_path / "out")  # type: ignore[arg-type]
    with pytest.raises(mc.SurveyError, match="path: the name of a file or folder is wanted"):
        mc.export(made.results, None, raster="map")  # type: ignore[arg-type]
    with pytest.raises(mc.SurveyError, match="raster: a name is wanted, not 5"):
        mc.export(made.results, tmp_path / "out", raster=5)  # type: ignore[arg-type]
    for wrong in (5, [5]):
        with pytest.raises(mc.SurveyError, match="bands: names are wanted, not 5"):
            mc.export(made.results, tmp_path / "out", bands=wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_an_array_whose_attributes_are_of_another_is_told_so(tmp_path: Path) -> None:
    given = array(np.array([[1, 2], [0, 2]], dtype=np.uint8))
    codes = {"flag_values": [1, 2], "flag_meanings": "pit dump"}
    other = (given + 0.5).assign_attrs(codes)
    with pytest.raises(mc.DataError, match=r"shade: it holds \[0\.5, 1\.5, 2\.5\], .*drop_attrs"):
        mc.export(other, tmp_path / "x.tif")
    assert not list(tmp_path.iterdir())
    (path,) = mc.export(other.drop_attrs(deep=False), tmp_path / "x.tif")
    with rasterio.open(path) as dataset:
        assert dataset.read(1).tolist() == [[1.5, 2.5], [0.5, 2.5]]
