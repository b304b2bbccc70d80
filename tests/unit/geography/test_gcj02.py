"""Coordinates of Chinese web maps, taken back where a survey says so and told where they show."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon, box

from minecover.errors import SurveyError
from minecover.geography.boundary import area_geometry
from minecover.geography.gcj02 import COVERED, shift_metres, shifted, unshifted
from minecover.geography.polygon_files import placing_notes, read_polygons
from minecover.geography.settings import AreaSettings
from minecover.samples.points import read_points
from minecover.samples.settings import RegionSettings
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

PUBLISHED = [
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
]
"""Places in Shanghai, Shenzhen and Beijing with what the open conversion programs make of them."""

ORDOS = (110.0, 39.75)
WEB_MAP = {"adcode": 150602, "name": "district", "childrenNum": 0, "level": "district"}


def as_mapped(polygon: Polygon) -> Polygon:
    x, y = np.array(polygon.exterior.coords).T
    return Polygon(np.column_stack(shifted(x, y)))


@pytest.mark.parametrize(("place", "mapped"), PUBLISHED)
def test_published_places(place: tuple[float, float], mapped: tuple[float, float]) -> None:
    x, y = np.array([place[0]]), np.array([place[1]])
    np.testing.assert_allclose(np.ravel(shifted(x, y)), mapped, rtol=0, atol=1e-9)


@given(st.floats(80, 125), st.floats(20, 50))
def test_the_way_back_is_exact(longitude: float, latitude: float) -> None:
    x, y = np.array([longitude]), np.array([latitude])
    back = unshifted(*shifted(x, y))
    assert pyproj.Geod(ellps="WGS84").inv(x, y, *back)[2][0] < 1e-3  # metres
    assert 30 < shift_metres(longitude, latitude) < 1200


def test_places_elsewhere_are_not_shifted() -> None:
    x, y = np.array([COVERED[0] - 0.1, -60.0, 105.0]), np.array([40.0, -20.0, 60.0])
    np.testing.assert_array_equal(shifted(x, y), (x, y))
    np.testing.assert_array_equal(unshifted(x, y), (x, y))


def test_an_area_of_a_web_map_is_put_where_it_is(tmp_path: Path) -> None:
    there = box(ORDOS[0], ORDOS[1], ORDOS[0] + 0.01, ORDOS[1] + 0.01)
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[as_mapped(there)], crs="EPSG:4326")
    frame.to_crs(3857).to_file(tmp_path / "a.gpkg")
    area = area_geometry(AreaSettings(path=str(tmp_path / "a.gpkg"), transformation="gcj02"))
    assert area.crs == "EPSG:4326"
    assert area.iloc[0].hausdorff_distance(there) < 1e-7  # of a degree: a centimetre


def test_points_of_a_web_map_are_put_where_they_are(tmp_path: Path) -> None:
    survey = Survey.model_validate(
        {
            "name": "t",
            "area": {"bbox": (*ORDOS, ORDOS[0] + 0.01, ORDOS[1] + 0.01)},
            "seasons": {"summer": ["2024-06-01/2024-08-31"]},
            "catalog": {"url": "c.json"},
            "classes": [
                {"code": 1, "name": "a", "colour": "#000000"},
                {"code": 2, "name": "b", "colour": "#ffffff"},
            ],
            "samples": {
                "path": str(tmp_path / "p.gpkg"), "folds": 2, "transformation": "GCJ02"
            },
        }
    )  # fmt: skip
    x, y = ORDOS[0] + 0.002 * np.arange(1, 5), ORDOS[1] + 0.002 * np.arange(1, 5)
    places = [Point(*at) for at in zip(*shifted(x, y), strict=True)]
    labels = ["a", "b", "a", "b"]
    gpd.GeoDataFrame({"class": labels}, geometry=places, crs=4326).to_file(tmp_path / "p.gpkg")
    grid = survey_grid(survey)
    found = read_points(survey.samples, survey.classes, grid).frame
    to_grid = pyproj.Transformer.from_crs(4326, grid.crs, always_xy=True)
    expected = np.column_stack(to_grid.transform(x, y))
    assert np.abs(found[["x", "y"]].to_numpy() - expected).max() < 0.01  # metres


def test_only_what_says_wgs84_can_be_of_a_web_map(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[box(0, 0, 1000, 1000)], crs="EPSG:2435")
    frame.to_file(tmp_path / "a.gpkg")
    with pytest.raises(SurveyError, match=r"area\.transformation: gcj02 is for files of Chinese"):
        area_geometry(AreaSettings(path=str(tmp_path / "a.gpkg"), transformation="gcj02"))


@pytest.mark.parametrize("suffix", ["geojson", "shp"])  # a Shapefile cuts names at ten letters
@pytest.mark.parametrize("settings", [AreaSettings, RegionSettings])
def test_a_file_of_a_web_map_is_told_by_its_attributes(
    tmp_path: Path, suffix: str, settings: type[AreaSettings]
) -> None:
    path, outline = tmp_path / f"a.{suffix}", box(*ORDOS, ORDOS[0] + 0.1, ORDOS[1] + 0.1)

    def notes(attributes: dict[str, object], transformation: str | None = None) -> list[str]:
        frame = gpd.GeoDataFrame(
            {name: [value] for name, value in attributes.items()}, geometry=[outline], crs=4326
        )
        if suffix == "shp":
            frame = frame.rename(columns=lambda name: name[:10])
        frame.to_file(path)
        own = settings(path=str(path), transformation=transformation)
        return list(placing_notes(read_polygons(own, "area"), own, "EPSG:32649", "area"))

    metres = f"{shift_metres(ORDOS[0] + 0.05, ORDOS[1] + 0.05):.0f} m off"
    (note,) = notes(WEB_MAP)
    assert metres in note
    assert "give area.transformation: gcj02" in note
    assert not notes(WEB_MAP, "gcj02")
    assert not notes({"adcode": 150602, "name": "statistics have such codes, too"})
    assert not notes({"name": "district", "level": "district"})
