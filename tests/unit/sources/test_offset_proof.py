"""Contradicting records are settled by pixels where one offset alone can be, and else refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from _catalogs import CatalogWriter, frozen, survey_over
from minecover.errors import DataError
from minecover.sources.offset_proof import PROVING, agreeing_offset, proved_offset

OFFSETS = (0.0, -1000.0)
OLD, NEW = {"s2:processing_baseline": "03.01"}, {"s2:processing_baseline": "05.10"}

# reflectance in blue, red, near and short-wave infrared, from spectral libraries, rounded
FOREST = (0.02, 0.03, 0.35, 0.07)
WATER = (0.03, 0.02, 0.01, 0.005)
SOIL = (0.09, 0.16, 0.24, 0.30)
ASPHALT = (0.10, 0.11, 0.12, 0.13)
SNOW = (0.85, 0.83, 0.78, 0.10)
HAZE = (0.12, 0.08, 0.05, 0.01)


def numbers(
    *grounds: tuple[float, ...], offset: int, haze: tuple[float, ...] = (0, 0, 0, 0)
) -> dict[str, np.ndarray]:
    """Write bands of columns of ground, as digital numbers that need an offset."""
    rng, shape = np.random.default_rng(0), (40, 40)
    out = {}
    for place, band in enumerate(PROVING):
        columns = np.repeat([ground[place] for ground in grounds], 40 // len(grounds))
        reflectance = np.broadcast_to(columns, (40, len(columns))) + haze[place]
        noisy = reflectance * rng.normal(1, 0.03, reflectance.shape)
        out[band] = np.round(noisy * 10_000 - offset).astype(np.float32)
        assert out[band].shape[0] == shape[0]
    return out


def proved(image: dict[str, np.ndarray]) -> float | None:
    proof = proved_offset(image, 1e-4, OFFSETS)
    return None if proof is None else proof.offset


@pytest.mark.parametrize("offset", [0, -1000])
@pytest.mark.parametrize(
    "grounds", [(FOREST, WATER), (FOREST, SOIL), (FOREST,), (FOREST, WATER, SOIL, SNOW)]
)
def test_plants_and_water_prove_either(grounds: tuple[Any, ...], offset: int) -> None:
    assert proved(numbers(*grounds, offset=offset)) == offset


def test_water_without_plants_proves_that_nothing_is_to_be_taken_off() -> None:
    assert proved(numbers(WATER, SOIL, offset=0)) == 0


def test_water_and_soil_prove_an_offset_by_what_is_nowhere_darker() -> None:
    assert proved(numbers(WATER, SOIL, SOIL, SOIL, offset=-1000)) == -1000


@pytest.mark.parametrize("offset", [0, -1000])
@pytest.mark.parametrize("grounds", [(SOIL,), (SOIL, SNOW), (ASPHALT,), (ASPHALT, SNOW)])
def test_bright_ground_proves_nothing_wrong(grounds: tuple[Any, ...], offset: int) -> None:
    """Soil of 0.19 and an offset, or of 0.09 and none, may both be: never the wrong one."""
    assert proved(numbers(*grounds, offset=offset)) in (None, offset)


@pytest.mark.parametrize("grounds", [(FOREST,), (FOREST, SOIL)])
def test_plants_in_haze_do_not_prove_an_offset(grounds: tuple[Any, ...]) -> None:
    assert proved(numbers(*grounds, offset=0, haze=HAZE)) in (None, 0)


def test_few_pixels_or_bands_prove_nothing() -> None:
    image = numbers(FOREST, WATER, offset=-1000)
    assert proved({band: values[:3] for band, values in image.items()}) is None
    assert proved({"B04": image["B04"], "B12": image["B12"]}) is None
    assert proved({}) is None
    forest = numbers(FOREST, offset=-1000)
    assert proved(forest) == -1000
    assert proved(forest | {"B08": np.repeat(forest["B08"], 2, axis=0)}) is None  # of other pixels
    empty = {band: np.full_like(values, np.nan) for band, values in image.items()}
    assert proved(empty) is None


def test_real_scenes_are_decided_as_they_were_delivered(shared_data: Path) -> None:
    """Six dates over Strzegom, one before baseline 04.00, whole and in quarters."""
    places = sorted((shared_data / "strzegom/sentinel-2-l2a").glob("*/*.json"))
    assert len(places) == 6
    for place in places:
        item = json.loads(place.read_text())
        image = {}
        for band in PROVING:
            with rasterio.open(place.parent / item["assets"][band]["href"]) as raster:
                values = raster.read(1).astype(np.float32)
            image[band] = np.where(values == 0, np.float32(np.nan), values)
        delivered = 0 if item["properties"]["s2:processing_baseline"] < "04" else -1000
        for rows in (slice(None), slice(200), slice(200, 400)):
            part = {band: values[rows, rows] for band, values in image.items()}
            assert proved(part) == delivered, place


def contradicting(
    folder: Path, image: dict[str, np.ndarray], offset: float, baseline: dict[str, str]
) -> Path:
    writer = CatalogWriter(folder)
    rasters = {band: values.astype(np.uint16) for band, values in image.items()}
    filler = np.full((40, 40), 2500, np.uint16)
    item = writer.sentinel2("odd", "2021-06-20T03:00:00Z", filler, rasters=rasters, **baseline)
    for asset in item["assets"].values():
        asset["raster:bands"] = [{"scale": 0.0001, "offset": offset}]
    return writer.write()


@pytest.mark.parametrize("true", [0, -1000])
@pytest.mark.parametrize(("record", "baseline"), [(0.0, NEW), (-0.1, OLD)])
def test_the_proof_decides_and_is_in_the_manifest(
    tmp_path: Path, true: int, record: float, baseline: dict[str, str]
) -> None:
    where = contradicting(tmp_path, numbers(FOREST, WATER, offset=true), record, baseline)
    (item,) = frozen(survey_over(where, (40, 40))).found
    assert {asset.offset for asset in item.assets.values()} == {true}
    assert f"raster offset {record:g} of the asset contradicts s2:proc" in item.decision
    assert f"its pixels prove an offset of {true}: with {-1000 - true}, " in item.decision


def test_what_pixels_do_not_prove_is_refused_with_the_setting(tmp_path: Path) -> None:
    where = contradicting(tmp_path, numbers(SOIL, offset=-1000), 0.0, NEW)
    with pytest.raises(DataError, match=r"contradicts .* say which counts in `sources\.sentinel2"):
        frozen(survey_over(where, (40, 40)))


def test_a_file_that_cannot_be_read_proves_nothing(tmp_path: Path) -> None:
    where = contradicting(tmp_path, numbers(FOREST, WATER, offset=0), 0.0, NEW)
    next(tmp_path.rglob("B08.tif")).write_bytes(b"no image")
    with pytest.raises(DataError, match="contradicts s2:processing_baseline"):
        frozen(survey_over(where, (40, 40)))


def test_only_a_part_in_the_middle_of_the_area_is_read(tmp_path: Path) -> None:
    """Of the image beyond the area, bright plants there say nothing."""
    inside, outside = numbers(FOREST, WATER, offset=0), numbers(FOREST, offset=-1000)
    image = {band: np.hstack([inside[band], outside[band]]) for band in PROVING}
    writer = CatalogWriter(tmp_path)
    rasters = {band: values.astype(np.uint16) for band, values in image.items()}
    item = writer.sentinel2(
        "odd", "2021-06-20T03:00:00Z", np.full((40, 80), 2500, np.uint16), rasters=rasters, **NEW
    )
    for asset in item["assets"].values():
        asset["raster:bands"] = [{"scale": 0.0001, "offset": 0.0}]
    (item,) = frozen(survey_over(writer.write(), (40, 40))).found
    assert item.assets["B04"].offset == 0


def two(folder: Path, odd: dict[str, np.ndarray], when: str = "2021-06-20T03:00:05Z") -> Path:
    """Write soil seen with certain numbers, and an item that contradicts itself."""
    writer = CatalogWriter(folder)
    filler = np.full((40, 40), 2500, np.uint16)
    sure = {band: values.astype(np.uint16) for band, values in numbers(SOIL, offset=0).items()}
    writer.sentinel2("sure", when, filler, rasters=sure, **OLD)
    own = {band: values.astype(np.uint16) for band, values in odd.items()}
    item = writer.sentinel2("odd", "2021-06-20T03:00:00Z", filler, rasters=own, **NEW)
    for asset in item["assets"].values():
        asset["raster:bands"] = [{"scale": 0.0001, "offset": 0.0}]
    return writer.write()


@pytest.mark.parametrize("true", [0, -1000])
def test_an_image_of_the_same_moment_proves_what_soil_alone_does_not(
    tmp_path: Path, true: int
) -> None:
    manifest = frozen(survey_over(two(tmp_path, numbers(SOIL, offset=true)), (40, 40)))
    odd, sure = manifest.found
    assert (odd.id, sure.id) == ("odd", "sure")
    assert {asset.offset for asset in odd.assets.values()} == {true}
    assert f"an offset of {true} is proved by sure, which saw the same ground" in odd.decision
    assert odd.seasons == sure.seasons
    assert odd.acquisition == sure.acquisition
    assert not manifest.left_out


@pytest.mark.parametrize(
    ("odd", "when"),
    [
        (numbers(SOIL, offset=-1000), "2021-06-21T03:00:00Z"),  # of another day
        (numbers(SNOW, offset=0), "2021-06-20T03:00:05Z"),  # of neither reflectance
    ],
)
def test_another_day_or_other_ground_proves_nothing(
    tmp_path: Path, odd: dict[str, np.ndarray], when: str
) -> None:
    manifest = frozen(survey_over(two(tmp_path, odd, when), (40, 40)))
    assert [item.id for item in manifest.found] == ["sure"]
    assert [item.id for item in manifest.left_out] == ["odd"]


def test_images_that_agree_with_both_or_share_little_prove_nothing() -> None:
    reflectance = {"B04": np.full((40, 40), 0.2, np.float32)}
    own = {"B04": np.full((40, 40), 2000.0, np.float32)}
    proof = agreeing_offset(reflectance, own, 1e-4, OFFSETS, "other")
    assert proof is not None
    assert proof.offset == 0
    between = {"B04": np.full((40, 40), 2500.0, np.float32)}  # off by 0.05 with either
    assert agreeing_offset(reflectance, between, 1e-4, OFFSETS, "other") is None
    narrow = {"B04": own["B04"][:10]}
    assert agreeing_offset({"B04": reflectance["B04"][:10]}, narrow, 1e-4, OFFSETS, "o") is None
    assert agreeing_offset({}, {}, 1e-4, OFFSETS, "other") is None
