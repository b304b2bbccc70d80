"""Images of a folder become a catalog from which a survey reads the right values."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest

import minecover as mc
from _catalogs import cube_names, cube_of, frozen, survey_over
from _images import ORDER, SIZE, digital_numbers, reflectance, write_image
from minecover.errors import DataError, SurveyError
from minecover.file_catalog.build import build_catalog
from minecover.file_catalog.hints import Hints

DATES = ("2021-06-01", "2021-07-01")
SEASONS = {"june": ["2021-06-01/2021-06-30"], "july": ["2021-07-01/2021-07-31"]}
BASELINE = {"baseline": "05.10"}

# odc-geo 0.5 still calls a function that shapely 2.2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")


def a_file_a_band(folder: Path) -> dict[str, Any]:
    for number, date in enumerate(DATES):
        for band in ORDER:
            write_image(folder / date / f"{band}.tif", [digital_numbers(band, number)])
    return BASELINE


def a_folder_a_band(folder: Path) -> dict[str, Any]:
    for number, date in enumerate(DATES):
        for band in ORDER:
            write_image(folder / band / f"{date}.tif", [digital_numbers(band, number)])
    return {"offset": -1000}


def a_file_a_date(folder: Path) -> dict[str, Any]:
    for number, date in enumerate(DATES):
        dn = [digital_numbers(band, number) for band in ORDER]
        write_image(folder / f"scene_{date}.tif", dn, ORDER)
    return BASELINE


def a_file_a_date_without_names(folder: Path) -> dict[str, Any]:
    for number in range(2):
        dn = [digital_numbers(band, number, offset=0) for band in ORDER]
        write_image(folder / f"image{number}.tif", [*dn, dn[0] * 0])
    dates = {"image0.tif": DATES[0], "image1.tif": DATES[1]}
    return {"bands": [*ORDER, "-"], "date": dates, "offset": {"*": 0}}


def a_stack_by_date(folder: Path) -> dict[str, Any]:
    dn = [digital_numbers(band, number) for number in range(2) for band in ORDER]
    write_image(folder / "stack.tif", dn)
    return BASELINE | {"bands": ORDER, "date": DATES, "order": "by-date"}


def a_stack_by_band(folder: Path) -> dict[str, Any]:
    dn = [digital_numbers(band, number) for band in ORDER for number in range(2)]
    write_image(folder / "stack.tif", dn)
    return BASELINE | {"bands": ORDER, "date": DATES, "order": "by-band"}


def a_stack_that_says_all(folder: Path) -> dict[str, Any]:
    dn = [digital_numbers(band, number) for number in range(2) for band in ORDER]
    called = [f"{date.replace('-', '')}_{band}" for date in DATES for band in ORDER]
    write_image(folder / "stack.tif", dn, called)
    return {"offset": "-1000"}


def reflectance_itself(folder: Path) -> dict[str, Any]:
    for number, date in enumerate(DATES):
        ones = np.ones((SIZE, SIZE), np.float32)
        values = [ones * np.float32(reflectance(band, number)) for band in ORDER]
        write_image(folder / f"{date}.tif", values, ORDER, nodata=float("nan"))
    return {"scale": 1}


LAYOUTS = (
    a_file_a_band, a_folder_a_band, a_file_a_date, a_file_a_date_without_names, a_stack_by_date,
    a_stack_by_band, a_stack_that_says_all, reflectance_itself,
)  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_layouts(tmp_path: Path, layout: Callable[[Path], dict[str, Any]]) -> None:
    path = mc.catalog_from_files(tmp_path, **layout(tmp_path))
    survey = survey_over(path, seasons=SEASONS)
    manifest = frozen(survey)
    assert not manifest.left_out
    assert [item.seasons for item in manifest.found] == [("june",), ("july",)]
    cube = dict(zip(cube_names(survey), cube_of(survey, tmp_path / "store"), strict=True))
    for number, season in enumerate(SEASONS):
        for band in ORDER:
            expected = np.float32(reflectance(band, number))
            assert np.abs(cube[f"{season}_{band}"] - expected).max() < 1e-6, (season, band)


def test_the_documents_are_valid_stac_and_made_anew_in_the_same_bytes(tmp_path: Path) -> None:
    answers = a_file_a_date(tmp_path)
    path = mc.catalog_from_files(tmp_path, **answers)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.json")}
    catalog = pystac.Catalog.from_file(str(path))
    items = list(catalog.get_items(recursive=True))
    assert [item.id for item in items] == [f"scene_{date}" for date in DATES]
    for item in items:
        item.stac_extensions = []  # their schemas are on the web
        assert item.validate()
    write_image(tmp_path / "scene_2021-07-20.tif", [digital_numbers(b) for b in ORDER], ORDER)
    mc.catalog_from_files(tmp_path, **answers)
    assert path.read_bytes() == before[path]  # the same catalog, with a scene more
    assert len(frozen(survey_over(path)).found) == 3
    (tmp_path / "scene_2021-07-20.tif").unlink()
    mc.catalog_from_files(tmp_path, **answers)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.json")} == before


def test_radar_has_a_collection_of_its_own(tmp_path: Path) -> None:
    power = np.full((SIZE, SIZE), 0.1, np.float32)
    for band in ("VV", "VH"):
        write_image(tmp_path / f"S1A_20210603T101010_{band}.tif", [power])
    path = mc.catalog_from_files(tmp_path)
    collection = json.loads((tmp_path / "stac/sentinel-1-rtc/collection.json").read_text())
    assert path.is_file()
    assert collection["extent"]["temporal"]["interval"] == [["2021-06-03T10:10:10Z"] * 2]


def test_what_is_not_known_is_asked_for_and_nothing_is_written(tmp_path: Path) -> None:
    a_file_a_date(tmp_path)
    with pytest.raises(SurveyError, match=r"mc.catalog_from_files: .*--offset -1000.*\(2 of 2"):
        mc.catalog_from_files(tmp_path)
    assert not list(tmp_path.rglob("*.json"))
    write_image(tmp_path / "scene_2021-08-01.tif", [np.ones((SIZE, SIZE), np.float32)], ["B02"])
    with pytest.raises(SurveyError, match="scene_2021-08-01: its files hold float32; say what"):
        mc.catalog_from_files(tmp_path, offset=0)


def test_an_offset_that_was_added_already_counts_before_the_baseline(tmp_path: Path) -> None:
    name = "S2A_MSIL2A_20210601T030541_N0510_R075_T49SDC_20210601T081234.tif"
    write_image(tmp_path / name, [digital_numbers(band, offset=0) for band in ORDER], ORDER)
    item = frozen(survey_over(mc.catalog_from_files(tmp_path, offset=0))).found[0]
    assert (item.assets["B02"].offset, item.baseline) == (0, 5.1)
    item = frozen(survey_over(mc.catalog_from_files(tmp_path))).found[0]
    assert item.assets["B02"].offset == -1000


def test_files_that_cannot_be_used_are_named_with_what_to_do(tmp_path: Path) -> None:
    a_file_a_date(tmp_path)
    image = digital_numbers("B02")
    write_image(tmp_path / "B02.tif", [image])
    write_image(tmp_path / "2021-06-05.tif", [image])
    write_image(tmp_path / "2021-06-06.tif", [image, image])
    write_image(tmp_path / "median_20210601_20210630_B02.tif", [image])
    write_image(tmp_path / "scene_2021-06-09_B03.tif", [image])
    (tmp_path / "2021-06-07_B02.tif").write_bytes(b"no TIFF")
    (tmp_path / "S2A_MSIL2A.zip").write_bytes(b"PK")
    with pytest.warns(UserWarning, match=r"mc\.catalog_from_files: ") as caught:
        mc.catalog_from_files(tmp_path, offset=-1000)
    texts = [str(warning.message).removeprefix("mc.catalog_from_files: ") for warning in caught]
    for start, advice in {
        "left out: B02.tif: its name has no date": "--date 'B02.tif=2023-06-01'",
        "left out: 2021-06-05.tif: neither its name nor": "2023-06-01_B02.tif",
        "left out: 2021-06-06.tif: it does not say what its 2 bands are": "--bands",
        "left out: median_20210601_20210630_B02.tif: its name has several": "--date",
        "left out: 2021-06-07_B02.tif: cannot read": "truncated or damaged",
        f"left out: {tmp_path}/S2A_MSIL2A.zip": "unzip it",
        "1 of 3 scenes of sentinel-2-l2a lack a band": "scene_2021-06-09 without B02, B04",
    }.items():
        found = [text for text in texts if text.startswith(start)]
        assert len(found) == 1, (start, texts)
        assert advice in found[0]
    assert len(texts) == 7


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ({"bands": ORDER[:3]}, "20 bands, which is no multiple of the 3 of `bands`"),
        ({"bands": ORDER}, "it has 10 bands at 2 dates; say in which order"),
        ({"bands": ORDER, "order": "by-date"}, "its bands are of 2 dates, and 0 are known"),
        ({}, "it does not say what its 20 bands are"),
    ],
)
def test_a_stack_asks_for_what_it_does_not_say(
    tmp_path: Path, answers: dict[str, Any], text: str
) -> None:
    a_stack_by_date(tmp_path)
    with pytest.raises(SurveyError) as caught:
        mc.catalog_from_files(tmp_path, **answers)
    assert text in str(caught.value)
    assert "no scene was found (1 left out)" in str(caught.value)


def test_two_files_of_one_band_are_refused(tmp_path: Path) -> None:
    for name in ("2021-06-01_B02.tif", "2021-06-01_blue.tif"):
        write_image(tmp_path / name, [digital_numbers("B02")])
    with pytest.raises(DataError, match=r"2021-06-01_blue.tif and .*2021-06-01_B02.tif: both are"):
        mc.catalog_from_files(tmp_path, offset=0)


def test_the_catalog_of_another_is_left_alone(tmp_path: Path) -> None:
    a_file_a_date(tmp_path)
    (tmp_path / "catalog.json").write_text('{"type": "Catalog", "links": []}')
    with pytest.raises(SurveyError, match="there is a catalog already, of another maker"):
        mc.catalog_from_files(tmp_path, offset=0)
    assert json.loads((tmp_path / "catalog.json").read_text())["links"] == []


def test_a_folder_as_catalog_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=f"minecover catalog from-files {tmp_path}`, and give"):
        frozen(survey_over(tmp_path))
    mc.catalog_from_files(tmp_path, **a_file_a_date(tmp_path))
    with pytest.raises(SurveyError, match=f"is a folder; give {tmp_path}/catalog.json"):
        frozen(survey_over(tmp_path))


def test_what_is_no_file_of_the_folder_is_named(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "images", tmp_path / "archive"
    write_image(folder / "2021-06-01_B02.tif", [digital_numbers("B02")])
    write_image(elsewhere / "2021-07-01_B02.tif", [digital_numbers("B02")])
    (folder / "archive").symlink_to(elsewhere)
    (folder / "circle").symlink_to(folder)
    (folder / "2021-07-01_B02.tif").symlink_to(elsewhere / "2021-07-01_B02.tif")
    os.mkfifo(folder / "2021-08-01_B02.tif")  # opening it would wait without end
    found = build_catalog(folder, Hints.parsed(baseline=["05.10"]))
    assert [scene.id for scene in found.scenes] == ["2021-06-01"]
    assert {path.name: reason.partition(":")[0] for path, reason in found.left_out.items()} == {
        "archive": "links to folders are not followed",
        "circle": "links to folders are not followed",
        "2021-07-01_B02.tif": "it links to a file elsewhere",
        "2021-08-01_B02.tif": "it is no regular file",
    }


def test_of_a_band_in_several_sizes_of_pixels_the_smallest_is_taken(tmp_path: Path) -> None:
    for pixel in (60, 20, 10):
        name = f"R{pixel}m/T49_20210601_B02_{pixel}m.tif"
        write_image(tmp_path / name, [digital_numbers("B02")], pixel=pixel)
    found = build_catalog(tmp_path, Hints.parsed(baseline=["05.10"]))
    assert [scene.images["B02"].path.name for scene in found.scenes] == ["T49_20210601_B02_10m.tif"]
    assert {path.name for path in found.left_out} == {
        "T49_20210601_B02_20m.tif", "T49_20210601_B02_60m.tif",
    }  # fmt: skip
    assert all("smaller pixels" in note for note in found.notes() if "left out:" in note)


def test_what_its_name_says_to_be_no_surface_reflectance_is_left_out(tmp_path: Path) -> None:
    product = "S2A_MSIL1C_20210601T030541_N0509_R075_T49TCF_20210601T080000"
    for name in (f"{product}_B02.tif", "L1C/2021-06-02_B02.tif", "L2A/2021-06-03_B02.tif"):
        write_image(tmp_path / name, [digital_numbers("B02")])
    found = build_catalog(tmp_path, Hints.parsed(baseline=["05.10"]))
    assert [scene.id for scene in found.scenes] == ["L2A_2021-06-03"]
    assert all("of Level-1C" in reason for reason in found.left_out.values())
    assert len(found.left_out) == 2
