"""An area over the edge of two UTM zones: items of both become one seamless cube."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import pytest
from shapely.geometry import box

from _catalogs import CatalogWriter, cube_names, cube_of, frozen, survey_over
from minecover.geography.grid import Grid
from minecover.planning.check import check_survey
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")

EAST, NORTH = 114.0, 40.0
"""On the edge of zones 49 and 50."""

OVERLAP = 0.0005
"""Degrees that each scene reaches beyond the edge: 43 m."""

AREA = (EAST - 0.006, NORTH - 0.004, EAST + 0.006, NORTH + 0.004)
CHINA = (
    "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=krass +towgs84=24,-123,-94 +units=m"
)


def field(longitude: Any, latitude: Any) -> Any:
    """Digital numbers that rise by some 7 a pixel eastwards and fall by 5 northwards."""
    return 4000 + 6e4 * (longitude - EAST) - 5.5e4 * (latitude - NORTH)


def scene(epsg: int, west: float, east: float) -> tuple[npt.NDArray[np.uint16], float, float]:
    """Pixels of 10 m in one zone, from `west` to `east`, and their corner."""
    to_zone = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
    left, bottom, right, top = to_zone.transform_bounds(west, NORTH - 0.006, east, NORTH + 0.006)
    left, top = 20 * np.floor(left / 20), 20 * np.ceil(top / 20)
    shape = (2 * int((top - bottom) // 20), 2 * int((right - left) // 20))
    y, x = np.mgrid[: shape[0], : shape[1]]
    degrees = to_zone.transform(left + 10 * (x + 0.5), top - 10 * (y + 0.5), direction="INVERSE")
    dn = np.round(field(*degrees))
    dn[(degrees[0] < west) | (degrees[0] > east)] = 0  # what the zone's scene does not show
    return dn.astype(np.uint16), left, top


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    writer = CatalogWriter(tmp_path_factory.mktemp("zones"))
    for epsg, west, east in (
        (32649, EAST - 0.01, EAST + OVERLAP),
        (32650, EAST - OVERLAP, EAST + 0.01),
    ):
        dn, left, top = scene(epsg, west, east)
        writer.sentinel2(f"zone-{epsg}", "2021-06-10T03:00:00Z", dn, left=left, top=top, crs=epsg)
    return writer.write()


def survey_on(url: Path, crs: str, **more: Any) -> Survey:
    area = more.pop("area", {"bbox": AREA})
    return survey_over(url, area=area, grid={"crs": crs, "tile": more.pop("tile", 64)}, **more)


def on_the_ground(grid: Grid) -> Any:
    """What the field is at the centre of every pixel, and the longitude of it."""
    affine = grid.geobox.affine
    rows, columns = np.mgrid[: grid.shape[0], : grid.shape[1]]
    x, y = affine.c + affine.a * (columns + 0.5), affine.f + affine.e * (rows + 0.5)
    to_degrees = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True)
    longitude, latitude = to_degrees.transform(x, y)
    return field(longitude, latitude) * 1e-4, longitude


@pytest.mark.parametrize(
    ("reader", "crs"),
    [
        *(("native", crs) for crs in ("auto", "equal-area", "EPSG:32650", "EPSG:4547", CHINA)),
        *product(("stackstac", "odc-stac"), ("equal-area", "EPSG:4547")),
    ],
)
def test_items_of_two_zones_are_one_image(
    catalog: Path, tmp_path: Path, crs: str, reader: str
) -> None:
    survey = survey_on(catalog, crs, catalog={"reader": reader})
    grid = survey_grid(survey)
    cube = cube_of(survey, tmp_path)
    names = cube_names(survey)
    # one overpass: where both scenes are, it is one observation
    assert set(np.unique(cube[names.index("summer_CLEAR")])) == {1}
    expected, longitude = on_the_ground(grid)
    seam = np.abs(longitude - (EAST + OVERLAP)) < 2e-4
    for band in ("B04", "B11"):
        error = np.abs(cube[names.index(f"summer_{band}")] - expected)
        # a digital number, by rounding; beside the last pixel of a scene, half a pixel
        assert error[~seam].max() < 1e-4
        assert error.max() < 4.5e-4


def test_the_seam_does_not_depend_on_the_tiles(catalog: Path, tmp_path: Path) -> None:
    cubes = [
        cube_of(survey_on(catalog, "equal-area", tile=tile), tmp_path / str(tile))
        for tile in (32, 64, 128)
    ]
    assert np.array_equal(cubes[0], cubes[1])
    assert np.array_equal(cubes[0], cubes[2])


def test_items_in_the_box_of_the_area_but_off_it_are_left_out(tmp_path: Path) -> None:
    """Two strips far apart, and three scenes: the one in the middle touches neither."""
    writer = CatalogWriter(tmp_path)
    dn = np.full((64, 64), 3000, np.uint16)
    to_zone = pyproj.Transformer.from_crs(4326, 32649, always_xy=True)
    strips = []
    for name, longitude in (("left", 111.0), ("middle", 111.2), ("right", 111.4)):
        x, y = (20 * round(value / 20) for value in to_zone.transform(longitude, NORTH))
        writer.sentinel2(name, "2021-06-10T03:00:00Z", dn, left=x, top=y, crs=32649)
        strips.append(box(x + 100, y - 500, x + 300, y - 100))
    path = tmp_path / "strips.gpkg"
    gpd.GeoDataFrame({"strip": [1, 2, 3]}, geometry=strips, crs=32649).to_file(path)
    for chosen, names in (((1, 3), ["left", "right"]), ((1, 2, 3), ["left", "middle", "right"])):
        area = {"path": str(path), "where": {"strip": chosen}}
        survey = survey_on(writer.write(), "auto", area=area)
        found = frozen(survey).found
        assert sorted(item.id for item in found) == names


def test_the_check_tells_what_a_pixel_is_on_the_ground(catalog: Path) -> None:
    told = {}
    for crs in ("equal-area", "EPSG:32649", "EPSG:3857"):
        first, *_, last = check_survey(survey_on(catalog, crs))
        told[crs] = first.text
        assert last.kind == "wrong"
        assert "none.csv" in last.text
    geod = pyproj.Geod(ellps="WGS84")
    west, south, east, north = AREA
    edges = [(west, south), (east, south), (east, north), (west, north)]
    ground = abs(geod.polygon_area_perimeter(*zip(*edges, strict=True))[0]) / 1e6
    for line in told.values():
        assert line.startswith(f"area: {ground:.1f} km² on ")
    assert "of 10 m in Lambert equal area on 40.00N 114.00E" in told["equal-area"]
    assert "of 10 m (of 99.9" in told["EPSG:32649"]
    assert "(of 58." in told["EPSG:3857"]
