from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pystac
import pytest
import shapely
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.stac_object import STACObjectType
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from shapely.geometry import box, shape

from minecover.geography.grid import Grid
from minecover.products.stac import FileRecord, file_record, stac_item, survey_days
from small_map import CLASSES, grid, survey

FILES: dict[str, FileRecord | None] = {
    "landuse.tif": FileRecord(10, "ab" * 32),
    "probability.tif": FileRecord(20, "cd" * 32),
    "entropy.tif": FileRecord(30, "ef" * 32),
    "mines.gpkg": FileRecord(40, "01" * 32),
    "report.html": None,
}


def item_of(its_grid: Grid, **changes: Any) -> dict[str, Any]:
    item = stac_item(survey(**changes), its_grid, FILES, ["./catalog/a.json"])
    parsed: dict[str, Any] = json.loads(json.dumps(item, allow_nan=False))
    return parsed


LAEA = "+proj=laea +lat_0=39.80 +lon_0=110.00 +datum=WGS84 +units=m"


@pytest.mark.parametrize("crs", ["EPSG:32633", LAEA])
def test_the_item_is_valid_stac(crs: str) -> None:
    # pystac brings the schemas of the STAC core with it, so this needs no network
    item = item_of(grid((60, 90), 32, crs=crs))
    JsonSchemaSTACValidator().validate_core(item, STACObjectType.ITEM, "1.1.0")


def test_the_validator_would_say_so() -> None:
    item = item_of(grid((60, 90), 32))
    del item["properties"]["start_datetime"]
    with pytest.raises(pystac.errors.STACValidationError):
        JsonSchemaSTACValidator().validate_core(item, STACObjectType.ITEM, "1.1.0")


def test_stac_clients_read_projection_classes_and_files() -> None:
    its_grid = grid((60, 90), 32)
    item = pystac.Item.from_dict(item_of(its_grid))
    projection = ProjectionExtension.ext(item)
    assert projection.code == "EPSG:32633"
    assert projection.shape == [60, 90]
    assert projection.transform == [10, 0, 585_420, 0, -10, 5_648_240]
    assert projection.bbox == [585_420, 5_647_640, 586_320, 5_648_240]
    landuse = item.assets["landuse"]
    classes = ClassificationExtension.ext(landuse).classes
    assert classes is not None
    assert [entry.value for entry in classes] == [0, 2, 3, 7]
    assert [entry.color_hint for entry in classes[1:]] == ["3F7D3A", "2F6FB0", "5B4A6B"]
    assert FileExtension.ext(landuse).checksum == "1220" + "ab" * 32
    assert FileExtension.ext(landuse).size == 10
    assert "file:checksum" not in item.assets["report"].to_dict()
    assert landuse.roles == ["data"]
    bands = item.assets["probability"].to_dict()["bands"]
    assert [band["name"] for band in bands] == [entry["name"] for entry in CLASSES]
    assert [link.get_href() for link in item.links] == ["./catalog/a.json"]


def test_the_time_is_that_of_the_seasons() -> None:
    properties = item_of(grid((60, 90), 32))["properties"]
    assert survey_days(survey()) == ("2021-12-01", "2023-08-31")
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2021-12-01T00:00:00Z"
    assert properties["end_datetime"] == "2023-08-31T23:59:59Z"


def test_the_footprint_is_the_area_in_degrees() -> None:
    area = box(585_500, 5_647_700, 586_000, 5_648_000)
    item = item_of(grid((60, 90), 32, area))
    footprint = shape(item["geometry"])
    assert footprint.exterior.is_ccw
    assert item["bbox"] == pytest.approx(footprint.bounds, abs=1e-6)
    # EPSG:32633 to EPSG:4326 by PROJ: cs2cs gives 16.219 E, 50.974 N for the area's centre
    assert footprint.distance(shapely.Point(16.2213, 50.9737)) < 0.005


def test_a_grid_without_a_code_gives_its_wkt() -> None:
    properties = item_of(grid((60, 90), 32, crs=LAEA))["properties"]
    assert properties["proj:code"] is None
    assert "Lambert Azimuthal Equal Area" in properties["proj:wkt2"]


def test_a_class_name_beyond_ascii_gets_a_machine_name() -> None:
    classes = [*CLASSES[:2], {**CLASSES[2], "name": "矿区"}]
    item = item_of(grid((60, 90), 32), classes=classes)
    entry = item["assets"]["landuse"]["classification:classes"][-1]
    assert (entry["name"], entry["description"]) == ("class-7", "矿区")


def test_a_simulated_map_says_so() -> None:
    item = stac_item(survey(), grid((60, 90), 32), FILES, simulated=True)
    assert item["properties"]["title"].startswith("Simulated")


def test_a_checksum_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"map" * 1000)
    record = file_record(path)
    assert record == FileRecord(3000, hashlib.sha256(b"map" * 1000).hexdigest())
