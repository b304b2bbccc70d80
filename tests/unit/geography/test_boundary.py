"""Areas from files: formats, choice by attributes, holes, parts, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import pyproj
import pytest
import shapely
from pydantic import ValidationError
from shapely.geometry import (
    GeometryCollection,
    LineString,
    MultiPolygon,
    Point,
    Polygon,
    box,
)

from minecover.errors import SurveyError
from minecover.geography.boundary import area_geometry, in_crs
from minecover.geography.settings import AreaSettings

RING = box(112.0, 37.0, 112.4, 37.4).difference(box(112.1, 37.1, 112.2, 37.2))
ISLANDS = MultiPolygon([box(113.0, 37.0, 113.1, 37.1), box(113.2, 37.0, 113.3, 37.1)])
FAR = box(120.0, 45.0, 121.0, 46.0)


def provinces() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"name": ["Shanxi", "Shanxi", "Hebei"], "code": [14, 14, 13], "level": [1.0, 2.0, None]},
        geometry=[RING, ISLANDS, FAR],
        crs="EPSG:4326",
    )


FILES = ("provinces.geojson", "provinces.gpkg", "provinces.shp.zip", "old.zip", "some.parquet")


@pytest.fixture(params=FILES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    where: Path = tmp_path / request.param
    if where.suffix == ".parquet":
        provinces().to_parquet(where)
        return where
    if request.param != "old.zip":
        provinces().to_file(where, driver="ESRI Shapefile" if where.suffix == ".zip" else None)
        return where
    plain = tmp_path / "plain"
    plain.mkdir()
    provinces().to_file(plain / "provinces.shp")
    shutil.make_archive(str(where.with_suffix("")), "zip", plain)
    return where


def test_all_features_are_one_area_with_holes_and_parts(path: Path) -> None:
    area = area_geometry(AreaSettings(path=str(path)))
    assert area.crs == "EPSG:4326"
    expected = RING.area + ISLANDS.area + FAR.area
    assert area.iloc[0].area == pytest.approx(expected, rel=1e-9)
    assert not area.iloc[0].contains(Point(112.15, 37.15))
    assert area.iloc[0].contains(Point(113.25, 37.05))


def test_parquet_without_geometry_or_content_is_no_area(tmp_path: Path) -> None:
    plain, empty = tmp_path / "plain.parquet", tmp_path / "empty.parquet"
    provinces().drop(columns="geometry").to_parquet(plain)
    empty.write_bytes(b"")
    for path in (plain, empty, tmp_path / "none.parquet"):
        with pytest.raises(SurveyError, match=rf"^area\.path: cannot read {path}: "):
            area_geometry(AreaSettings(path=str(path)))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"name": "Hebei"}, FAR.area),
        ({"name": "Shanxi"}, RING.area + ISLANDS.area),
        ({"name": ("Shanxi", "Hebei")}, RING.area + ISLANDS.area + FAR.area),
        ({"name": "Shanxi", "level": 2}, ISLANDS.area),
        ({"code": 14}, RING.area + ISLANDS.area),
        ({"code": "13"}, FAR.area),
    ],
)
def test_features_are_chosen_by_their_attributes(
    path: Path, where: dict[str, str | int], expected: float
) -> None:
    area = area_geometry(AreaSettings(path=str(path), where=where))  # type: ignore[arg-type]
    assert area.iloc[0].area == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"nom": "Shanxi"}, r"no attribute 'nom'; it has name, code, level"),
        ({"name": "Shaanxi"}, r"has name: Shaanxi; there are Hebei, Shanxi"),
        ({"name": ("Hebei", "Henan")}, r"has name: Henan;"),
        ({"name": "Hebei", "code": 14}, r"has code: 14 among those chosen by name; there are 13"),
    ],
)
def test_a_wrong_choice_is_explained(path: Path, where: dict[str, str], message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        area_geometry(AreaSettings(path=str(path), where=where))  # type: ignore[arg-type]


def test_a_layer_of_several_must_be_named(tmp_path: Path) -> None:
    path = tmp_path / "all.gpkg"
    provinces().to_file(path, layer="provinces")
    provinces()[2:].to_file(path, layer="hebei")
    with pytest.raises(SurveyError, match=r"area\.layer: .* provinces, hebei; name the one"):
        area_geometry(AreaSettings(path=str(path)))
    area = area_geometry(AreaSettings(path=str(path), layer="hebei"))
    assert area.iloc[0].area == pytest.approx(FAR.area)
    with pytest.raises(SurveyError, match=r"has no layer 'henan'; it has provinces, hebei"):
        area_geometry(AreaSettings(path=str(path), layer="henan"))


def test_what_has_no_surface_is_left_out_and_crossings_are_mended(tmp_path: Path) -> None:
    path = tmp_path / "odd.geojson"
    bow = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    mixed = GeometryCollection([Point(5, 5), LineString([(2, 2), (3, 3)]), box(2, 0, 3, 1)])
    frame = gpd.GeoDataFrame(geometry=[bow, mixed, Point(9, 9), None], crs="EPSG:4326")
    frame.to_file(path)
    area = area_geometry(AreaSettings(path=str(path))).iloc[0]
    assert area.is_valid
    assert area.area == pytest.approx(0.5 + 1.0)
    frame[2:3].to_file(path)
    with pytest.raises(SurveyError, match="holds no polygon"):
        area_geometry(AreaSettings(path=str(path)))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.geojson").write_text("no")
    for name in ("no.geojson", "nowhere.gpkg"):
        with pytest.raises(SurveyError, match=r"area\.path: cannot read"):
            area_geometry(AreaSettings(path=str(tmp_path / name)))
    provinces().drop(columns="geometry").to_csv(tmp_path / "table.csv")
    with pytest.raises(SurveyError, match="holds no polygon"):
        area_geometry(AreaSettings(path=str(tmp_path / "table.csv")))
    frame = gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)])
    with pytest.warns(UserWarning, match="crs"):
        frame.to_file(tmp_path / "bare.gpkg")
    with pytest.raises(SurveyError, match="has no CRS"):
        area_geometry(AreaSettings(path=str(tmp_path / "bare.gpkg")))


def test_a_box_has_no_features_to_choose() -> None:
    with pytest.raises(ValidationError, match="choose from a file"):
        AreaSettings(bbox=(0, 0, 1, 1), where={"name": "x"})


def test_long_edges_follow_the_curve_they_are_in_another_crs() -> None:
    area = gpd.GeoSeries([box(105.0, 38.0, 120.0, 42.0)], crs="EPSG:4326")
    crs = "+proj=laea +lat_0=40 +lon_0=112.5 +datum=WGS84"
    projected = in_crs(area, crs)
    # the ellipsoid's own answer for the quadrangle between parallels and meridians
    geod = pyproj.Geod(ellps="WGS84")
    dense = shapely.segmentize(area.iloc[0], 0.001)
    expected = abs(geod.geometry_area_perimeter(dense)[0])
    assert projected.area == pytest.approx(expected, rel=1e-6)
    straight = area.to_crs(crs).iloc[0].area
    assert abs(straight / expected - 1) > 1e-3


def test_what_a_projection_cannot_show_is_refused() -> None:
    area = gpd.GeoSeries([box(-180.0, -90.0, 180.0, 90.0)], crs="EPSG:4326")
    with pytest.raises(SurveyError, match="has no place in"):
        in_crs(area, "+proj=tmerc +approx +lon_0=111 +datum=WGS84")


def test_texts_in_another_encoding_say_where_to_name_it(tmp_path: Path) -> None:
    path, page = tmp_path / "a.shp", tmp_path / "a.cpg"
    frame = gpd.GeoDataFrame({"县": ["准格尔旗"]}, geometry=[box(0, 0, 10, 10)], crs=32649)
    frame.to_file(path, encoding="GBK")
    area = AreaSettings(path=str(path), where={"县": "准格尔旗"})
    assert area_geometry(area).area.iloc[0] == pytest.approx(100)
    page.write_text("UTF-8")
    with pytest.raises(SurveyError, match=r"texts of .*a\.shp are not of its enc.* as gbk"):
        area_geometry(area)
    page.write_text("ISO-8859-1")
    with pytest.raises(SurveyError, match=r"it has ÏØ; if these are unreadable, give .* gbk: area"):
        area_geometry(area)


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").touch()
    with pytest.raises(SurveyError, match=r"a\.geojson: it is empty; copy or export it again"):
        area_geometry(AreaSettings(path=str(tmp_path / "a.geojson")))
