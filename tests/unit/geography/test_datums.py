"""Datums: known transformations are used, guesses are refused, and a survey may bring its own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import pytest
from shapely.geometry import Point, box

from minecover.errors import DataError, SurveyError
from minecover.geography.boundary import area_geometry, in_crs
from minecover.geography.datums import datum_change, to_wgs84
from minecover.geography.grid import area_grid
from minecover.geography.settings import AreaSettings, GridSettings
from minecover.samples.classes import LandUseClass
from minecover.samples.points import Points, read_points
from minecover.samples.regions import read_regions
from minecover.samples.settings import RegionSettings, SampleSettings
from minecover.sources.freeze import _refuse_guessed_datums

UTM = pyproj.CRS("EPSG:32649")
ORDOS_EAST = (114.0, 39.8)
"""Where PROJ knows nothing of Beijing 1954; its operation of the Ordos basin ends west of it."""

SHIFT = (12.646, -155.176, -80.863)
"""Of EPSG:15918, Beijing 1954 to WGS 84 in the Ordos basin."""


def shifted(
    longitude: float, latitude: float, shift: tuple[float, ...] = SHIFT
) -> tuple[float, float]:
    """Carry a place from Krassowsky's ellipsoid to that of WGS 84 by three numbers, by the book.

    Ellipsoidal to geocentric coordinates, the shift, and back by Bowring's iteration.
    """
    a, f = 6378245.0, 1 / 298.3
    phi, lam = np.radians(latitude), np.radians(longitude)
    e2 = f * (2 - f)
    n = a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    x = n * np.cos(phi) * np.cos(lam) + shift[0]
    y = n * np.cos(phi) * np.sin(lam) + shift[1]
    z = n * (1 - e2) * np.sin(phi) + shift[2]
    a, f = 6378137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    p = np.hypot(x, y)
    phi = np.arctan2(z, p * (1 - e2))
    for _ in range(10):
        n = a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
        phi = np.arctan2(z + e2 * n * np.sin(phi), p)
    return float(np.degrees(np.arctan2(y, x))), float(np.degrees(phi))


def around(place: tuple[float, float]) -> tuple[float, float, float, float]:
    return place[0] - 0.05, place[1] - 0.05, place[0] + 0.05, place[1] + 0.05


def change(crs: str, place: tuple[float, float], target: pyproj.CRS | str = UTM) -> Any:
    source = pyproj.CRS(crs)
    to_own = pyproj.Transformer.from_crs(source.geodetic_crs, source, always_xy=True)
    return datum_change(
        source, pyproj.CRS(target), to_own.transform_bounds(*around(place)), "k", "w"
    )


CGCS2000 = (
    'GEOGCS["GCS",DATUM["NAME",SPHEROID["CGCS2000",6378137.0,298.257222101]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)
"""As surveying programs spell it, other than EPSG and Esri."""


@pytest.mark.parametrize(
    ("crs", "place"),
    [
        ("EPSG:4490", ORDOS_EAST), ("EPSG:4525", ORDOS_EAST), ("EPSG:4546", ORDOS_EAST),
        ("EPSG:4258", (15, 50)), ("EPSG:25833", (15, 50)), ("EPSG:6318", (-100, 40)),
        ("EPSG:7844", (134, -25)), ("EPSG:6668", (139, 36)), ("EPSG:4674", (-50, -15)),
        ("EPSG:4167", (175, -39)), ("EPSG:4148", (27, -28)), ("EPSG:9990", ORDOS_EAST),
        ("+proj=utm +zone=49 +ellps=GRS80", ORDOS_EAST), ("+proj=sinu +R=6371007.181", ORDOS_EAST),
        ("EPSG:3035", ORDOS_EAST),
        ("EPSG:7844", ORDOS_EAST), ("EPSG:3857", ORDOS_EAST),
        ("+proj=utm +zone=49 +datum=WGS84", ORDOS_EAST),
        *((CGCS2000.replace("NAME", name), ORDOS_EAST) for name in ("D_CGCS2000", "CGCS_2000")),
    ],
)  # fmt: skip
def test_modern_frames_are_taken(crs: str, place: tuple[float, float]) -> None:
    change(crs, place)


def test_cgcs2000_is_wgs84(tmp_path: Path) -> None:
    x, y = change("EPSG:4490", ORDOS_EAST, "EPSG:4326").transformer.transform(*ORDOS_EAST)
    assert (x, y) == pytest.approx(ORDOS_EAST, abs=1e-9)


@pytest.mark.parametrize(
    ("crs", "place", "datum"),
    [
        ("EPSG:4214", ORDOS_EAST, "Beijing 1954"), ("EPSG:2435", ORDOS_EAST, "Beijing 1954"),
        ("EPSG:21419", ORDOS_EAST, "Beijing 1954"), ("EPSG:4610", ORDOS_EAST, "Xian 1980"),
        ("EPSG:2379", (102, 39.8), "Xian 1980"), ("EPSG:4214", (125, 45), "Beijing 1954"),
        ("+proj=aea +lat_1=25 +lat_2=47 +lon_0=105 +ellps=krass", ORDOS_EAST, "Krassovsky"),
    ],
)  # fmt: skip
def test_guesses_between_datums_that_differ_are_refused(
    crs: str, place: tuple[float, float], datum: str
) -> None:
    with pytest.raises(SurveyError, match=rf"k: its datum is .*{datum}.*to World Geodetic System"):
        change(crs, place)
    with pytest.raises(SurveyError, match="no transformation"):
        change("EPSG:32649", ORDOS_EAST, pyproj.CRS(crs).geodetic_crs or "")


def test_known_operations_are_named_with_their_accuracy() -> None:
    found = change("EPSG:4214", (109, 39))
    assert "Beijing 1954 to WGS 84 (6) (China - Ordos basin), within 1 m" in found.note
    back = pyproj.Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
    assert back.transform(*found.transformer.transform(109, 39)) == pytest.approx(
        shifted(109, 39, (11.911, -154.833, -80.079)), abs=1e-8
    )
    assert "grids" in change("EPSG:31467", (9, 50)).note


def test_a_better_grid_is_named() -> None:
    note = change("EPSG:4267", (-100, 40)).note
    assert "NAD27 to WGS 84 (6) (United States (USA) - CONUS west of" in note
    assert "within 7 m by its record; PROJ knows others with grids" in note
    assert "us_noaa_conus.tif" in note


PIPELINE = (
    "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=krass "
    "+step +proj=helmert +x=12.646 +y=-155.176 +z=-80.863 +step +inv +proj=cart +ellps=WGS84 "
    "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
)


@pytest.mark.parametrize(
    "text", ["12.646,-155.176,-80.863", "+towgs84=12.646, -155.176, -80.863,0,0,0,0",
             "EPSG:15918", PIPELINE]
)  # fmt: skip
def test_a_survey_may_bring_its_transformation(text: str) -> None:
    x, y = np.array([ORDOS_EAST[0], 109.0]), np.array([ORDOS_EAST[1], 39.0])
    found = np.column_stack(to_wgs84(pyproj.CRS("EPSG:4214"), text, "samples.transformation")(x, y))
    expected = [shifted(*place) for place in zip(x, y, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    meters = pyproj.Geod(ellps="WGS84").inv(x, y, found[:, 0], found[:, 1])[2]
    assert 50 < meters.min() < meters.max() < 80


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,2", "2 numbers"), ("a,b,c", "neither numbers"), ("EPSG:1311", "from ED50 to WGS 84"),
        ("EPSG:4326", "cannot be used"), ("+proj=nonsense", "cannot be used"), ("", "neither"),
    ],
)  # fmt: skip
def test_other_transformations_are_refused(text: str, why: str) -> None:
    with pytest.raises(SurveyError, match=rf"samples\.transformation: .*{why}"):
        to_wgs84(pyproj.CRS("EPSG:2435"), text, "samples.transformation")


def district(**area: Any) -> AreaSettings:
    return AreaSettings(bbox=around(ORDOS_EAST), **area)


def test_areas_and_grids_are_held_to_it() -> None:
    with pytest.raises(SurveyError, match=r"area: its datum is Xian 1980.*area\.transformation"):
        area_grid(district(crs="EPSG:4610"), GridSettings())
    beijing = district(crs="EPSG:4214", transformation="12.646,-155.176,-80.863")
    west, south, _, _ = area_geometry(beijing).total_bounds
    corner = shifted(*around(ORDOS_EAST)[:2])
    assert (west, south) == pytest.approx(corner, abs=1e-4)
    assert area_grid(beijing, GridSettings()).crs == "EPSG:32650"
    with pytest.raises(SurveyError, match=r"grid\.crs: its datum is .*choose `auto`"):
        area_grid(district(), GridSettings(crs="EPSG:2435"))
    assert area_grid(district(crs="EPSG:4490"), GridSettings(crs="EPSG:4547")).crs == "EPSG:4547"


def test_samples_and_regions_are_held_to_it(tmp_path: Path) -> None:
    grid = area_grid(district(), GridSettings(crs="EPSG:32649"))
    places = [Point(113.98 + 0.01 * i, 39.8) for i in range(4)]
    frame = gpd.GeoDataFrame({"class": ["a", "b"] * 2}, geometry=places, crs="EPSG:4214")
    frame.to_file(tmp_path / "p.gpkg")
    classes = [LandUseClass(code=i, name=n, colour="#000000") for i, n in ((1, "a"), (2, "b"))]

    def read(**more: Any) -> Points:
        settings = SampleSettings(path=str(tmp_path / "p.gpkg"), folds=2, **more)
        return read_points(settings, classes, grid)

    with pytest.raises(SurveyError, match=r"samples: .*Beijing 1954.*samples\.transformation"):
        read()
    to_utm = pyproj.Transformer.from_crs("EPSG:4326", UTM, always_xy=True)
    expected = to_utm.transform(*np.transpose([shifted(p.x, p.y) for p in places]))
    found = read(transformation="EPSG:15918").frame
    np.testing.assert_allclose((found["x"], found["y"]), expected, atol=1e-3)

    whole = gpd.GeoDataFrame({"name": ["a"]}, geometry=[box(113, 39, 115, 41)], crs="EPSG:4610")
    whole.to_file(tmp_path / "r.gpkg")
    regions = RegionSettings(path=str(tmp_path / "r.gpkg"))
    with pytest.raises(SurveyError, match=r"model\.regions: its datum is Xian 1980"):
        read_regions(regions, grid)
    given = regions.replace(transformation="24,-123,-94")
    assert read_regions(given, grid).names == ("a",)


def test_images_are_held_to_it() -> None:
    grid = area_grid(district(), GridSettings(crs="EPSG:32649"))

    def images(crs: str) -> Any:
        asset = SimpleNamespace(crs=crs, transform=(1e-3, 0, 113.9, 0, -1e-3, 39.9), shape=(99, 99))
        return [SimpleNamespace(id="scene", source="sentinel2", assets={"B02": asset})]

    _refuse_guessed_datums(images("EPSG:4490"), grid)
    with pytest.raises(DataError, match=r"scene: sentinel2: its datum is Xian 1980.*gdalwarp"):
        _refuse_guessed_datums(images("EPSG:4610"), grid)


def test_an_area_keeps_its_bits_where_its_datum_does() -> None:
    area = gpd.GeoSeries([box(*around(ORDOS_EAST))], crs="EPSG:4326")
    fine = area.segmentize(0.02).to_crs(UTM).iloc[0]
    assert in_crs(area, UTM).equals_exact(fine.normalize(), 0) or in_crs(area, UTM).equals(fine)
