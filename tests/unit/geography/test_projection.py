"""Which CRS an area gets, and that ground is counted right on each."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.errors import SurveyError
from minecover.geography.boundary import area_geometry
from minecover.geography.projection import equal_area_crs, grid_crs
from minecover.geography.settings import AreaSettings, GridSettings


def bounded(west: float, south: float, east: float, north: float) -> gpd.GeoSeries:
    return area_geometry(AreaSettings(bbox=(west, south, east, north)))


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((109.9, 39.6, 110.4, 39.9), "EPSG:32649"),  # a district
        ((113.7, 39.6, 114.4, 39.9), "EPSG:32650"),  # the edge of two zones runs through it
        ((110.2, 34.5, 114.6, 40.7), "EPSG:32649"),  # Shanxi: 0.6 degrees beyond its zone
        ((-61.0, -10.0, -60.0, -9.0), "EPSG:32720"),
        ((106.7, 37.6, 111.5, 40.9), None),  # Ordos city: 4.3 degrees from the meridian
        ((97.0, 37.0, 126.0, 53.0), None),
        ((100.0, -4.0, 110.0, 4.0), None),
    ],
)
def test_a_zone_as_long_as_it_does(bounds: tuple[float, ...], expected: str | None) -> None:
    crs = grid_crs(GridSettings(), bounded(*bounds))
    authority = crs.to_authority()
    assert (":".join(authority) if authority else None) == expected
    if expected is None:
        assert "equal area on" in crs.name


@pytest.mark.parametrize(
    ("bounds", "kind"),
    [
        ((110.2, 34.5, 114.6, 40.7), "Lambert"),
        ((97.0, 37.0, 126.0, 53.0), "Albers"),
        ((10.0, -4.0, 40.0, 4.0), "Lambert"),  # no cone stands on the equator
        ((135.0, -38.0, 154.0, -28.0), "Albers"),
    ],
)
def test_wide_areas_are_on_a_cone(bounds: tuple[float, ...], kind: str) -> None:
    assert equal_area_crs(bounded(*bounds)).name.startswith(f"{kind} equal area on ")


@settings(max_examples=20, deadline=None)
@given(
    st.floats(-170, 150), st.floats(-70, 60), st.floats(0.2, 25), st.floats(0.2, 12),
    st.sampled_from(["auto", "equal-area"]),
)  # fmt: skip
def test_every_pixel_is_the_ground_it_says(
    west: float, south: float, width: float, height: float, crs: str
) -> None:
    area = bounded(west, south, west + width, south + height)
    found = grid_crs(GridSettings(crs=crs), area)
    assert [axis.unit_name for axis in found.axis_info] == ["metre", "metre"]
    points = np.random.default_rng(0).random((50, 2)) * (width, height) + (west, south)
    scale = np.asarray(pyproj.Proj(found).get_factors(*points.T).areal_scale)
    bound = 1e-8 if found.to_epsg() is None else 2.1e-3  # PROJ differentiates numerically
    assert np.abs(scale - 1).max() < bound


def test_the_projection_comes_back_from_what_is_recorded() -> None:
    crs = equal_area_crs(bounded(97, 37, 126, 53))
    again = pyproj.CRS(pyproj.CRS(crs.to_wkt()).to_wkt())
    assert again == crs
    assert again.name == "Albers equal area on 45.00N 111.50E"
    operation = again.coordinate_operation
    assert operation is not None
    assert [p.value for p in operation.params if "parallel" in p.name] == [39.67, 50.33]


@pytest.mark.parametrize(
    "text",
    [
        "EPSG:4547",
        "+proj=aea +lat_1=25 +lat_2=47 +lon_0=105 +ellps=krass +towgs84=24,-123,-94 +units=m",
        pyproj.CRS("EPSG:3035").to_wkt(),
    ],
)
def test_any_projected_crs_in_metres_will_do(text: str) -> None:
    assert grid_crs(GridSettings(crs=text), bounded(109, 39, 110, 40)) == pyproj.CRS(text)


@pytest.mark.parametrize(
    "text", ["EPSG:4326", "EPSG:2263", "EPSG:32649+5773", "+proj=utm +zone=49 +units=km"]
)
def test_others_are_refused(text: str) -> None:
    with pytest.raises(SurveyError, match="is not a projected CRS in metres"):
        grid_crs(GridSettings(crs=text), bounded(109, 39, 110, 40))


def test_beyond_the_last_zone() -> None:
    with pytest.raises(SurveyError, match="no UTM zone there; give `equal-area`"):
        grid_crs(GridSettings(), bounded(10, 85, 12, 86))
    crs = grid_crs(GridSettings(crs="equal-area"), bounded(10, 85, 12, 86))
    assert "equal area" in crs.name


def test_provinces_have_their_surface(shared_data: Path) -> None:
    for name, where, expected in (
        ("shanxi", {}, 156_700),
        ("inner_mongolia", {}, 1_183_000),
        ("inner_mongolia", {"adcode": 150600}, 86_752),  # Ordos
    ):
        path = str(shared_data / "areas" / f"{name}.geojson")
        area = area_geometry(AreaSettings(path=path, where=where))
        projected = area.to_crs(equal_area_crs(area)).iloc[0]
        assert projected.area / 1e6 == pytest.approx(expected, rel=0.035)
        there = area.to_crs("EPSG:6933").iloc[0].area
        assert projected.area == pytest.approx(there, rel=1e-4)
