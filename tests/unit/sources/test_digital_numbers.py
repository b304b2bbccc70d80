"""How digital numbers become reflectance where records are odd, and what the survey may say."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from _catalogs import CatalogWriter, cube_of, frozen, survey_over
from minecover.errors import DataError
from minecover.sources.digital_numbers import Rescaling
from minecover.sources.item_document import ItemError
from minecover.sources.sentinel2 import Sentinel2, Sentinel2Settings

OFF = -1000.0
TILE = "R123_T28QCH_20240714T191310"
OLD, NEW = {"s2:processing_baseline": "03.01"}, {"s2:processing_baseline": "05.10"}


def decided(
    band: dict[str, Any], offsets: dict[str, float] | None = None, **properties: Any
) -> Rescaling:
    item = {"id": "an-item", "properties": properties, "assets": {"B02": {"raster:bands": [band]}}}
    return Sentinel2(Sentinel2Settings(offsets=offsets or {})).scaling(item, "B02")


@pytest.mark.parametrize(
    ("band", "properties", "offset"),
    [
        # what generators write for any file of integers: the baseline decides
        ({"data_type": "uint16", "scale": 1.0, "offset": 0.0}, NEW, -1000),
        ({"scale": 1, "offset": 0}, OLD, 0),
        ({"scale": 1}, NEW, -1000),
        # an offset in DN: as reflectance it would be -1000
        ({"scale": 0.0001, "offset": -1000}, NEW, -1000),
        ({"scale": 1.0, "offset": -1000}, NEW, -1000),
        ({"offset": -1000}, {}, -1000),
        # texts
        ({"scale": "0.0001", "offset": "-0.1"}, NEW, -1000),
        ({"scale": 0.0001}, NEW, -1000),
        ({"scale": 0, "offset": None}, NEW, -1000),
        # the provider says that it is in the numbers, whatever else it says
        ({"scale": 1, "offset": 0}, NEW | {"earthsearch:boa_offset_applied": True}, 0),
        ({"scale": 0.0001}, NEW | {"earthsearch:boa_offset_applied": False}, -1000),
        # Earth Search v0 and Digital Earth Africa, which keeps its properties
        ({}, {"sentinel:boa_offset_applied": True, "sentinel:processing_baseline": "05.09"}, 0),
        (
            {},
            {"sentinel:boa_offset_applied": False, "sentinel:processing_baseline": "04.00"},
            -1000,
        ),
        ({}, {"sentinel:processing_baseline": "04.00"}, -1000),
        ({}, {"sentinel:product_id": f"S2A_MSIL2A_20200714T115221_N0214_{TILE}"}, 0),
        ({}, {"sentinel:product_id": f"S2A_MSIL2A_20240714T115221_N0510_{TILE}"}, -1000),
        ({}, {"title": f"S2B_MSIL2A_20230103T062449_N0509_{TILE}"}, -1000),
        ({}, {"sentinel2:boa_offset_applied": "true", "sentinel2:processing_baseline": "05.10"}, 0),
        # a baseline as tables and other generators write it
        ({}, {"s2:processing_baseline": 5.1}, -1000),
        ({}, {"s2:processing_baseline": 4}, -1000),
        ({}, {"s2:processing_baseline": 2.14}, 0),
        ({}, {"s2:processing_baseline": "N0510"}, -1000),
        ({}, {"s2:processing_baseline": "0301"}, 0),
    ],
)
def test_records_that_say_nothing_or_speak_of_dn(
    band: dict[str, Any], properties: dict[str, Any], offset: float
) -> None:
    made = decided(band, **properties)
    assert (made.scale, made.offset) == (0.0001, offset)


def test_numbers_that_are_reflectance_stay_as_they_are() -> None:
    made = decided({"data_type": "float32", "scale": 1, "offset": 0}, **NEW)
    assert (made.scale, made.offset) == (1, 0)
    named = decided({"data_type": "float32", "scale": 1}, {"an-item": 0}, **NEW)
    assert (named.scale, named.offset) == (1, 0)


@pytest.mark.parametrize(
    ("band", "properties", "parts"),
    [
        (
            {"scale": 0.0001, "offset": 0},
            NEW,
            (
                "raster offset 0",
                "contradicts s2:processing_baseline 05.10",
                "need -1000",
                "'05.10': 0",
            ),
        ),
        (
            {"scale": 0.0001, "offset": -0.1},
            OLD,
            ("raster offset -0.1", "contradicts s2:processing_baseline 03.01", "an-item: -1000"),
        ),
        ({"scale": 0.0001, "offset": -0.7}, NEW, ("raster offset -0.7 is of no Sentinel-2",)),
        ({"scale": 0.0001, "offset": -500}, {}, ("raster offset -500 is of no Sentinel-2",)),
        ({"scale": 1, "offset": 0}, {}, ("neither a raster offset nor a processing baseline",)),
    ],
)
def test_what_contradicts_is_refused_with_the_setting_that_decides(
    band: dict[str, Any], properties: dict[str, Any], parts: tuple[str, ...]
) -> None:
    with pytest.raises(ItemError) as caught:
        decided(band, **properties)
    for part in (*parts, "item an-item, asset B02", "sources.sentinel2.offsets"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["an-item", "an-*", "05.10", "05.*"])
def test_the_survey_decides_by_item_or_baseline(name: str) -> None:
    made = decided({"scale": 0.0001, "offset": 0}, {name: -1000, "03.*": 7}, **NEW)
    assert (made.scale, made.offset) == (0.0001, -1000)
    assert made.reason == f"the survey says sources.sentinel2.offsets: {name}"


def test_an_item_goes_before_its_baseline() -> None:
    assert decided({}, {"05.10": -1000, "an-item": 0}, **NEW).offset == 0


def test_every_recorded_item_is_decided_or_refused_with_its_name(shared_data: Path) -> None:
    for path in sorted((shared_data / "stac_items").rglob("*.json")):
        item = json.loads(path.read_text())
        source = Sentinel2(Sentinel2Settings(scl=None))
        made = set()
        with suppress(ItemError):
            made = {source.scaling(item, key) for key in source.assets(item).values()}
        if not made:
            with pytest.raises(ItemError, match=re.escape(f"item {item['id']}")):
                [source.scaling(item, key) for key in source.assets(item).values()]
            continue
        assert {rescaling.offset for rescaling in made} in ({0.0}, {-1000.0}), path.name
        assert {rescaling.scale for rescaling in made} == {1e-4}


def one_date(folder: Path, dn: np.ndarray, name: str = "odd", **more: Any) -> CatalogWriter:
    writer = CatalogWriter(folder)
    writer.sentinel2(name, "2021-06-10T03:00:00Z", dn, **more)
    return writer


def test_a_contradiction_leaves_out_that_item_alone(tmp_path: Path) -> None:
    writer = one_date(tmp_path, np.full((64, 64), 2000, np.uint16), "good")
    odd = writer.sentinel2("odd", "2021-06-20T03:00:00Z", np.full((64, 64), 2000, np.uint16), **NEW)
    for asset in odd["assets"].values():
        asset["raster:bands"] = [{"scale": 0.0001, "offset": 0.0}]
    path = writer.write()
    manifest = frozen(survey_over(path))
    assert [item.id for item in manifest.found] == ["good"]
    assert [item.id for item in manifest.left_out] == ["odd"]
    named = {"sentinel2": {"scl": None, "offsets": {"odd": 0}}}
    assert [item.id for item in frozen(survey_over(path, sources=named)).found] == ["good", "odd"]


def test_reflectance_that_no_ground_has_is_a_message(tmp_path: Path) -> None:
    """Numbers from which the provider had taken the offset: a third would be far below 0."""
    dn = np.random.default_rng(1).integers(150, 2500, (64, 64)).astype(np.uint16)
    writer = one_date(tmp_path, dn, **NEW)
    survey = survey_over(writer.write())
    with pytest.raises(DataError) as caught:
        cube_of(survey, tmp_path / "store")
    for part in ("item odd, band B02", "sources.sentinel2.offsets", "odd: 0", "baseline 05.10"):
        assert part in str(caught.value)
    named = survey_over(writer.write(), sources={"sentinel2": {"scl": None, "offsets": {"*": 0}}})
    cube = cube_of(named, tmp_path / "named")
    assert np.array_equal(cube[0], dn.astype(np.float32) * np.float32(1e-4))


def test_numbers_of_another_scale_are_a_message(tmp_path: Path) -> None:
    writer = one_date(tmp_path, np.full((64, 64), 3000, np.uint16))
    for asset in writer.items["sentinel-2-l2a"][0]["assets"].values():
        asset["raster:bands"] = [{"scale": 0.01, "offset": 0}]
    with pytest.raises(DataError, match=r"item odd, band B02: 100% .* half below 30"):
        cube_of(survey_over(writer.write()), tmp_path / "store")


def test_reflectance_that_nobody_records_as_such_is_a_message(tmp_path: Path) -> None:
    """Floats of 0.2: as digital numbers they would be as good as black."""
    writer = one_date(tmp_path, np.full((64, 64), 0.2, np.float32))
    with pytest.raises(DataError, match=r"item odd: no pixel of any band.*raster:bands"):
        cube_of(survey_over(writer.write()), tmp_path / "store")
    for asset in writer.items["sentinel-2-l2a"][0]["assets"].values():
        asset["raster:bands"] = [{"scale": 1, "offset": 0, "data_type": "float32"}]
    cube = cube_of(survey_over(writer.write()), tmp_path / "right")
    assert np.allclose(cube[:10], 0.2)
