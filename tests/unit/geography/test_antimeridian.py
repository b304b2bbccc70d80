"""An area across 180°, in one piece or cut there, and what is found and read for it."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
from shapely.geometry import MultiPolygon, box

from _catalogs import CatalogWriter, cube_names, cube_of, frozen, survey_over
from minecover.geography.boundary import WGS84, in_crs
from minecover.geography.projection import equal_area_crs, utm_crs
from minecover.products.report import _centre
from minecover.sources.locate import Locator
from minecover.sources.search import Search
from minecover.stages.registry import stages_of
from minecover.survey.grid import survey_grid
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")

ZONE, LEFT, TOP = 32701, 179_000.0, 8_200_000.0
"""Zone 1 south, whose western edge is 180°; the corner lies some 330 m west of it."""

TO_DEGREES = pyproj.Transformer.from_crs(ZONE, 4326, always_xy=True)
WEST, SOUTH = TO_DEGREES.transform(LEFT, TOP - 640)
EAST, NORTH = TO_DEGREES.transform(LEFT + 640, TOP)
CUT = MultiPolygon([box(WEST, SOUTH, 180.0, NORTH), box(-180.0, SOUTH, EAST, NORTH)])


def test_the_corner_lies_west_of_180_and_the_other_east() -> None:
    assert 179.99 < WEST < 180
    assert -180 < EAST < -179.99


def test_the_zone_lies_where_the_area_does() -> None:
    assert utm_crs(gpd.GeoSeries([CUT], crs=WGS84)).to_epsg() in (32701, 32760)
    wide = MultiPolygon([box(175.0, -20.0, 180.0, -10.0), box(-180.0, -20.0, -178.0, -10.0)])
    assert utm_crs(gpd.GeoSeries([wide], crs=WGS84)).to_epsg() == 32760
    centre = equal_area_crs(gpd.GeoSeries([wide], crs=WGS84))
    assert centre.coordinate_operation is not None
    longitudes = [p.value for p in centre.coordinate_operation.params if "Longitude" in p.name]
    assert longitudes == [178.5]


def test_degrees_of_an_area_in_one_piece_are_cut_at_180() -> None:
    area = in_crs(gpd.GeoSeries([box(LEFT, TOP - 640, LEFT + 640, TOP)], crs=ZONE), WGS84)
    east, west = sorted(shapely.get_parts(area), key=lambda part: -part.centroid.x)
    assert east.bounds[2] == 180
    assert west.bounds[0] == -180
    assert east.bounds[0] == pytest.approx(WEST, abs=1e-4)
    assert west.bounds[2] == pytest.approx(EAST, abs=1e-4)
    elsewhere = box(500_000, TOP - 640, 500_640, TOP)
    assert in_crs(gpd.GeoSeries([elsewhere], crs=ZONE), WGS84).geom_type == "Polygon"


def catalog_of(folder: Path) -> Path:
    """Scenes over the area, whose numbers rise by 20 a pixel eastwards, and far on either side."""
    writer = CatalogWriter(folder)
    rising = (2000 + 20 * np.arange(64))[None, :] + np.zeros((64, 1))
    item = writer.sentinel2(
        "here", "2021-06-10T03:00:00Z", rising.astype(np.uint16), left=LEFT, top=TOP, crs=ZONE
    )
    item["bbox"] = [WEST, SOUTH, EAST, NORTH]
    for name, west in (("far", 0.0), ("near", 178.0), ("other side", -178.0)):
        away = writer.sentinel2(name, "2021-06-11T03:00:00Z", rising.astype(np.uint16))
        away["bbox"] = [west, SOUTH, west + 0.1, NORTH]
    path = writer.write()
    (folder / "area.geojson").write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(CUT)}
                ],
            }
        )
    )
    return path


def test_a_cut_area_is_mapped_where_it_is(tmp_path: Path) -> None:
    path = catalog_of(tmp_path)
    survey = survey_over(path, area={"path": str(tmp_path / "area.geojson")}, grid={"tile": 128})
    grid = survey_grid(survey)
    assert grid.crs in ("EPSG:32701", "EPSG:32760")
    search = Search(survey.catalog, survey.seasons, grid, Locator(survey.catalog, {}))
    east, west = search.boxes
    assert (east[2], west[0]) == (180.0, -180.0)
    assert max(east[2] - east[0], west[2] - west[0]) < 0.01
    assert [item.id for item in frozen(survey, grid).found] == ["here"]
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    steps = np.diff(cube["summer_B04"], axis=1)
    assert np.nanmedian(steps) == pytest.approx(0.002, rel=0.02)


def test_from_search_to_hectares(tmp_path: Path) -> None:
    """A whole run over simulated scenes: bright in the east, where the mine is."""
    path = catalog_of(tmp_path)
    rng = np.random.default_rng(0)
    columns, rows = rng.integers(2, 62, 80), rng.integers(2, 62, 80)
    names = np.where(columns < 32, "ground", "mine")
    lines = [
        f"{LEFT + 10 * col + 5},{TOP - 10 * row - 5},{name}"
        for col, row, name in zip(columns, rows, names, strict=True)
    ]
    (tmp_path / "points.csv").write_text("\n".join(["x,y,class", *lines]))
    samples = {"path": str(tmp_path / "points.csv"), "crs": f"EPSG:{ZONE}", "folds": 2}
    engine = {"tiles": "local", "prediction": "local", "training": "local", "workers": 1}
    survey = survey_over(
        path,
        area={"path": str(tmp_path / "area.geojson")},
        grid={"tile": 128},
        samples={**samples, "block": 100},
        model={"kind": "nb"},
        selection={"method": "forest", "trees": 10, "keep": 5},
        engine=engine,
        products=["landuse", "item", "summary"],
        store=str(tmp_path / "store"),
    )
    Run(survey, stages_of(survey), Silent()).until("publish")
    products = tmp_path / "store" / "products"
    item = json.loads((products / "item.json").read_bytes())
    west, south, east, north = item["bbox"]
    assert (west, south, east, north) == pytest.approx((WEST, SOUTH, EAST, NORTH), abs=1e-4)
    footprint = shapely.geometry.shape(item["geometry"])
    assert footprint.symmetric_difference(CUT).area < 1e-3 * CUT.area
    assert "E" in _centre(survey_grid(survey))
    with rasterio.open(products / "landuse.tif") as opened:
        codes = opened.read(1)
    geod = pyproj.Geod(ellps="WGS84")
    hectares = sum(abs(geod.geometry_area_perimeter(part)[0]) for part in CUT.geoms) / 1e4
    table = pd.read_csv(products / "summary.csv").set_index(["topic", "measure", "class"])
    mapped = table.loc[("map", "area", "all"), "value"]
    assert mapped == pytest.approx(hectares, rel=0.02)
    assert mapped == pytest.approx((codes > 0).sum() / 100, rel=3e-3)
