"""One odd item never ends a survey, and never enters silently."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _catalogs import BANDS, CatalogWriter, cube_names, cube_of, frozen, survey_over
from minecover.errors import DataError, SurveyError
from minecover.sources.item_document import tidied

GROUND = np.full((64, 64), 2000, np.uint16)
SCL = np.full((32, 32), 4, np.uint8)


def dates(folder: Path, count: int = 3) -> CatalogWriter:
    """Write dates that are alike, with their classification."""
    writer = CatalogWriter(folder)
    for n in range(count):
        writer.sentinel2(
            f"d{n}", f"2021-06-1{n}T03:00:00Z", GROUND, rasters={"SCL": SCL}, pixels={"SCL": 20.0}
        )
    return writer


def without(*keys: str) -> Callable[[dict[str, Any]], None]:
    def change(item: dict[str, Any]) -> None:
        place = item
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return change


def having(value: object, *keys: str) -> Callable[[dict[str, Any]], None]:
    def change(item: dict[str, Any]) -> None:
        place = item
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


ODD = {
    "no B07": (without("assets", "B07"), "asset missing: B07"),
    "no classification": (without("assets", "SCL"), "asset missing: SCL"),
    "a band that is null": (having(None, "assets", "B07"), "asset missing: B07"),
    "a band without a link": (without("assets", "B07", "href"), "asset missing: B07"),
    "a link that is null": (having(None, "assets", "B07", "href"), "asset missing: B07"),
    "assets that are a list": (having([], "assets"), "asset missing: B02"),
    "assets that are null": (having(None, "assets"), "asset missing: B02"),
    "cloud cover N/A": (having("N/A", "properties", "eo:cloud_cover"), "eo:cloud_cover is 'N/A'"),
    "cloud cover true": (having(True, "properties", "eo:cloud_cover"), "eo:cloud_cover is True"),
    "no time": (without("properties", "datetime"), "datetime is None"),
    "a time that is none": (having("June", "properties", "datetime"), "datetime is 'June'"),
    "no properties": (having(None, "properties"), "datetime is None"),
    "no place": (without("bbox"), "bbox is missing"),
    "a place that is none": (having(["a", 1, 2, 3], "bbox"), "bbox is missing"),
    "no baseline": (
        without("properties", "s2:processing_baseline"),
        "neither a raster offset nor a processing baseline",
    ),
    "L1C by its level": (having("L1C", "properties", "processing:level"), "Level-1C"),
    "L1C by its level alone": (having("L1", "properties", "processing:level"), "Level-1C"),
    "L1C by its type": (having("S2MSI1C", "properties", "s2:product_type"), "Level-1C"),
    "L1C by its name": (having("S2B_31QGU_20200811_0_L1C", "id"), "Level-1C"),
    "L1C by its product": (
        having("S2A_MSIL1C_20200714T115221_N0214_R1_T2", "properties", "sentinel:product_id"),
        "Level-1C",
    ),
}


@pytest.mark.parametrize(("change", "reason"), ODD.values(), ids=ODD)
def test_an_odd_item_is_left_out_and_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    writer = dates(tmp_path)
    path = writer.write()
    item = writer.items["sentinel-2-l2a"][2]
    change(item)
    (tmp_path / "sentinel-2-l2a" / "d2" / "item.json").write_text(json.dumps(item))
    manifest = frozen(survey_over(path, sources={"sentinel2": {}}))
    assert [found.id for found in manifest.found] == ["d0", "d1"]
    (left,) = manifest.left_out
    assert left.id == item["id"]
    assert left.source == "sentinel2"
    assert str(item["id"]) in left.reason
    assert reason in left.reason


@pytest.mark.parametrize(
    "change",
    [
        having(None, "assets", "visual"),
        having(None, "assets", "B02", "raster:bands"),
        having(None, "assets", "B02", "bands"),
        having([None], "assets", "B02", "raster:bands"),
        having("12.5", "properties", "eo:cloud_cover"),
        having(None, "properties", "eo:cloud_cover"),
        having(None, "links"),
        having(None, "geometry"),
    ],
)
def test_what_is_null_is_absent(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    writer = dates(tmp_path, 1)
    whole = frozen(survey_over(writer.write()))
    change(writer.items["sentinel-2-l2a"][0])
    assert frozen(survey_over(writer.write())) == whole


def test_a_season_of_odd_items_alone_says_why(tmp_path: Path) -> None:
    writer = dates(tmp_path, 2)
    for item in writer.items["sentinel-2-l2a"]:
        item["assets"]["nir_narrow"] = item["assets"].pop("B8A")
    with pytest.raises(DataError) as caught:
        frozen(survey_over(writer.write()))
    for part in (
        "seasons.summer",
        "2 left out",
        "item d0",
        "B8A",
        "nir_narrow",
        "sentinel2.assets",
    ):
        assert part in str(caught.value)


def radar(writer: CatalogWriter, name: str, when: str, **power: float) -> None:
    rasters = {key: np.full((64, 64), value, np.float32) for key, value in power.items()}
    writer.item("sentinel-1-rtc", name, when, rasters, nodata=-32768)


def test_one_polarisation_alone_serves_that_one(tmp_path: Path) -> None:
    """VV 0.1 twice and 0.4 once: the mean is 0.2, -6.99 dB. VH 0.02 twice: -16.99 dB."""
    writer = dates(tmp_path, 1)
    radar(writer, "r0", "2021-06-10T10:00:00Z", VV=0.1, VH=0.02)
    radar(writer, "r1", "2021-06-11T10:00:00Z", VV=0.1, VH=0.02)
    radar(writer, "r2", "2021-06-12T10:00:00Z", VV=0.4)
    radar(writer, "r3", "2021-06-13T10:00:00Z", HH=0.4)
    survey = survey_over(writer.write(), sources={"sentinel1": {}})
    left = {(item.id, item.seasons): item.reason for item in frozen(survey).left_out}
    assert set(left) == {("r2", ("summer",)), ("r3", ("summer",))}
    assert "missing: VH" in left["r2", ("summer",)]
    assert "missing: VV" in left["r3", ("summer",)]
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    assert np.allclose(cube["summer_VV"], 10 * np.log10(0.2), atol=1e-4)
    assert np.allclose(cube["summer_VH"], 10 * np.log10(0.02), atol=1e-4)


def test_a_season_without_one_polarisation_is_refused(tmp_path: Path) -> None:
    writer = dates(tmp_path, 1)
    radar(writer, "r0", "2021-06-10T10:00:00Z", VV=0.1)
    with pytest.raises(DataError, match=r"seasons\.summer: sentinel1 .*asset missing: VH"):
        frozen(survey_over(writer.write(), sources={"sentinel1": {}}))


def test_elevation_needs_no_time(tmp_path: Path) -> None:
    writer = dates(tmp_path, 1)
    rasters = {"elevation": np.full((64, 64), 1200, np.float32)}
    sheet = writer.item("dem", "sheet", "2020-01-01T00:00:00Z", rasters)
    sheet["properties"]["datetime"] = None
    survey = survey_over(writer.write(), sources={"terrain": {"collection": "dem"}})
    (item,) = frozen(survey).items("terrain", "")
    assert item.datetime is None


def test_another_collection_that_cannot_be_read_is_told_and_ends_nothing(tmp_path: Path) -> None:
    writer = dates(tmp_path, 1)
    path = writer.write()
    document = json.loads(path.read_text())
    for name in ("broken", "gone"):
        document["links"].insert(0, {"rel": "child", "href": f"./{name}.json"})
    document["links"].insert(0, {"rel": "child", "href": None})
    (tmp_path / "broken.json").write_text("{")
    path.write_text(json.dumps(document))
    manifest = frozen(survey_over(path))
    assert len(manifest.found) == 1
    assert [Path(item.id).name for item in manifest.left_out] == ["broken.json", "gone.json"]
    wrong = survey_over(path, sources={"sentinel2": {"scl": None, "collection": "s2"}})
    with pytest.raises(SurveyError, match=r"2 of its documents cannot be read"):
        frozen(wrong)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("properties", "assets", "bbox", "geometry", "links")


@given(st.dictionaries(st.sampled_from((*FIELDS, "id")), ANYTHING))
def test_any_document_becomes_one_that_is_safe_to_look_into(raw: dict[str, Any]) -> None:
    item = tidied(raw)
    assert all(value is not None for value in item["properties"].values())
    assert all(isinstance(asset["href"], str) for asset in item["assets"].values())
    assert all(isinstance(link["href"], str) for link in item["links"])
    assert len(item.get("bbox", range(4))) in (4, 6)
    assert tidied(item) == item


@pytest.mark.parametrize("field", ["assets", "properties", "bbox", "links", "geometry", "id"])
@settings(max_examples=30)  # of each field
@given(value=ANYTHING)
def test_no_value_of_a_field_ends_in_anything_but_a_message(
    field: str, value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    writer = CatalogWriter(folder)
    item = writer.item("sentinel-2-l2a", "d0", "2021-06-10T03:00:00Z", {"B02": GROUND[:2, :2]})
    path = writer.write()
    item[field] = value
    (folder / "sentinel-2-l2a" / "d0" / "item.json").write_text(json.dumps(item))
    with pytest.raises((DataError, SurveyError)):  # it has one band of ten
        frozen(survey_over(path))


def test_every_band_is_found_where_nothing_is_odd(tmp_path: Path) -> None:
    manifest = frozen(survey_over(dates(tmp_path).write(), sources={"sentinel2": {}}))
    assert manifest.left_out == ()
    assert [set(item.assets) for item in manifest.found] == [{*BANDS, "SCL"}] * 3
