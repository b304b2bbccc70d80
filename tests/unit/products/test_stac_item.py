from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pystac
import pytest
import shapely
import xarray as xr
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.datacube import DatacubeExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.stac_object import STACObjectType
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from shapely.geometry import box, shape

from minecover.geography.grid import Grid
from minecover.products.item import ITEM
from minecover.products.registry import PRODUCTS
from small_map import CLASSES, SIMULATED, draw_codes, grid, small_map, survey
from small_store import small_store

CONTENT = b"map" * 1000


def item_of(folder: Path, its_grid: Grid, **changes: Any) -> dict[str, Any]:
    """Describe files of all products; what is in them is nothing to the item."""
    made = small_map(folder, draw_codes(its_grid.shape), its_grid, threshold=None)
    publication = made.publication(derived_from=["./catalog/a.json"], **changes)
    files = [file for product in PRODUCTS for file in product.files(publication)]
    paths = {file.name: folder / file.name for file in files if file.key}
    (folder / "map").mkdir()
    for path in paths.values():
        path.write_bytes(CONTENT)
    target = folder / "item.json"
    ITEM.write(replace(publication, files=tuple(files), paths=paths), {"item.json": target})
    parsed: dict[str, Any] = json.loads(target.read_bytes())
    return parsed


LAEA = "+proj=laea +lat_0=39.80 +lon_0=110.00 +datum=WGS84 +units=m"


@pytest.mark.parametrize("crs", ["EPSG:32633", LAEA])
def test_the_item_is_valid_stac(tmp_path: Path, crs: str) -> None:
    # pystac brings the schemas of the STAC core with it, so this needs no network
    item = item_of(tmp_path, grid((60, 90), 32, crs=crs))
    JsonSchemaSTACValidator().validate_core(item, STACObjectType.ITEM, "1.1.0")


def test_the_validator_would_say_so(tmp_path: Path) -> None:
    item = item_of(tmp_path, grid((60, 90), 32))
    del item["properties"]["start_datetime"]
    with pytest.raises(pystac.errors.STACValidationError):
        JsonSchemaSTACValidator().validate_core(item, STACObjectType.ITEM, "1.1.0")


def test_stac_clients_read_projection_classes_and_files(tmp_path: Path) -> None:
    item = pystac.Item.from_dict(item_of(tmp_path, grid((60, 90), 32)))
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
    assert FileExtension.ext(landuse).checksum == f"1220{hashlib.sha256(CONTENT).hexdigest()}"
    assert FileExtension.ext(landuse).size == 3000
    assert "file:checksum" in item.assets["report"].to_dict()
    assert landuse.roles == ["data"]
    bands = item.assets["probability"].to_dict()["bands"]
    assert [band["name"] for band in bands] == [entry["name"] for entry in CLASSES]
    assert [link.get_href() for link in item.links] == ["./catalog/a.json"]


def test_the_time_is_that_of_the_seasons(tmp_path: Path) -> None:
    properties = item_of(tmp_path, grid((60, 90), 32))["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2021-12-01T00:00:00Z"
    assert properties["end_datetime"] == "2023-08-31T23:59:59Z"


def test_the_footprint_is_the_area_in_degrees(tmp_path: Path) -> None:
    area = box(585_500, 5_647_700, 586_000, 5_648_000)
    item = item_of(tmp_path, grid((60, 90), 32, area))
    footprint = shape(item["geometry"])
    assert footprint.exterior.is_ccw
    assert item["bbox"] == pytest.approx(footprint.bounds, abs=1e-6)
    # EPSG:32633 to EPSG:4326 by PROJ: cs2cs gives 16.219 E, 50.974 N for the area's centre
    assert footprint.distance(shapely.Point(16.2213, 50.9737)) < 0.005


def test_a_grid_without_a_code_gives_its_wkt(tmp_path: Path) -> None:
    properties = item_of(tmp_path, grid((60, 90), 32, crs=LAEA))["properties"]
    assert properties["proj:code"] is None
    assert "Lambert Azimuthal Equal Area" in properties["proj:wkt2"]


def test_a_class_name_beyond_ascii_gets_a_machine_name(tmp_path: Path) -> None:
    classes = survey(classes=[*CLASSES[:2], {**CLASSES[2], "name": "矿区"}]).classes
    item = item_of(tmp_path, grid((60, 90), 32), classes=classes)
    entry = item["assets"]["landuse"]["classification:classes"][-1]
    assert (entry["name"], entry["description"]) == ("class-7", "矿区")


def test_a_map_of_simulated_data_says_so(tmp_path: Path) -> None:
    properties = item_of(tmp_path, grid((60, 90), 32), sources=SIMULATED)["properties"]
    assert properties["title"].startswith("Simulated")
    assert properties["minecover:simulated"] is True
    assert properties["minecover:simulated_sources"] == ["An optical sensor"]


def test_a_map_of_observed_data_does_not(tmp_path: Path) -> None:
    item = item_of(tmp_path, grid((60, 90), 32), name="simulated-district")
    assert item["properties"]["title"] == "Land-use map: simulated-district"
    assert "from An optical sensor, A DEM in 2 seasons" in item["properties"]["description"]
    assert not any("simulated" in key for key in item["properties"])


def test_only_extensions_in_use_are_named(tmp_path: Path) -> None:
    item = item_of(tmp_path, grid((60, 90), 32))
    names = [address.split("/")[3] for address in item["stac_extensions"]]
    assert names == ["projection", "raster", "classification", "file"]


def test_the_zarr_stores_are_assets_that_open_from_the_item(tmp_path: Path) -> None:
    made = small_store(tmp_path)
    rasters = [made.store.layers(name) for name in ("cube.zarr", "features.zarr", "map.zarr")]
    products = Path(made.store.url) / "products"
    products.mkdir()
    described = item_of(products, made.grid, rasters=rasters)
    JsonSchemaSTACValidator().validate_core(described, STACObjectType.ITEM, "1.1.0")
    assert [link["href"] for link in described["links"] if link["rel"] == "store"] == [
        "../cube.zarr", "../features.zarr", "../map.zarr"
    ]  # fmt: skip
    item = pystac.Item.from_dict(described)
    for raster in rasters:
        asset = item.assets[raster.name]
        assert asset.media_type == "application/vnd.zarr; version=3"
        assert asset.extra_fields["zarr:zarr_format"] == 3
        opened = xr.open_zarr(products / asset.href, consolidated=True)
        cube = DatacubeExtension.ext(asset)
        assert cube.variables is not None
        assert set(cube.variables) == set(opened.data_vars)
        assert set(cube.dimensions) == set(opened.dims)
        for name, variable in cube.variables.items():
            assert tuple(variable.dimensions) == opened[name].dims
            assert variable.unit == opened[name].attrs.get("units")
        for name, dimension in cube.dimensions.items():
            values = opened[name].values.tolist()
            if dimension.dim_type == "spatial":
                assert dimension.extent == [min(values), max(values)]
                assert abs(values[1] - values[0]) == dimension.to_dict()["step"]
            else:
                assert dimension.values == values
    assert DatacubeExtension.ext(item.assets["cube.zarr"]).dimensions["band"].dim_type == "bands"


def test_only_stores_that_exist_are_named(tmp_path: Path) -> None:
    item = item_of(tmp_path, grid((60, 90), 32))
    assert not any(key.endswith(".zarr") for key in item["assets"])
    assert not any("datacube" in extension for extension in item["stac_extensions"])
