"""Dates and bands in names."""

from __future__ import annotations

import datetime as dt
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minecover.errors import DataError, SurveyError
from minecover.file_catalog.hints import Hints
from minecover.file_catalog.names import band_in, days_in, moment_in, name_of_scene


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("S2_20230601_B02", utc(2023, 6, 1)),
        ("2023-06-01", utc(2023, 6, 1)),
        ("openEO_2023-06-01Z", utc(2023, 6, 1)),
        ("composite_2023_06_01_clear", utc(2023, 6, 1)),
        ("T49SDC_20230601T030541_B02_10m", utc(2023, 6, 1, 3, 5, 41)),
        ("2023-06-01T03:05:41", utc(2023, 6, 1, 3, 5, 41)),
    ],
)
def test_dates(text: str, moment: dt.datetime) -> None:
    assert days_in(text) == [moment]


@pytest.mark.parametrize("text", ["120230601", "20231301", "2023-06", "20230601123", "2023_06-01"])
def test_what_is_no_date(text: str) -> None:
    assert days_in(text) == []


@given(st.dates(dt.date(1972, 1, 1), dt.date(2099, 12, 31)), st.sampled_from(["", "-", "_", "."]))
def test_every_date_is_found_in_every_spelling(day: dt.date, between: str) -> None:
    text = f"a1_{day:%Y}{between}{day:%m}{between}{day:%d}_B02"
    assert [moment.date() for moment in days_in(text)] == [day]


def test_the_nearest_name_with_a_date_counts() -> None:
    assert moment_in(PurePath("2023-06-01/B02.tif")) == utc(2023, 6, 1)
    assert moment_in(PurePath("2023-06-01/2023-07-01_B02.tif")) == utc(2023, 7, 1)
    assert moment_in(PurePath("B02.tif")) is None


def test_a_name_of_several_dates_is_nobody_s_guess() -> None:
    with pytest.raises(DataError, match=r"several dates .2023-06-01, 2023-06-30.; .* `--date"):
        moment_in(PurePath("median_20230601_20230630.tif"))
    product = "S2A_MSIL2A_20230601T030541_N0509_R075_T49SDC_20230602T081234"
    assert moment_in(PurePath(f"{product}.tif")) == utc(2023, 6, 1, 3, 5, 41)


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("T49SDC_20230601T030541_B8A_20m", "B8A"),
        ("b2", "B02"),
        ("2023-06-01 red", "B04"),
        ("red_river_2023-06-01_B11", "B11"),
        ("scl", "SCL"),
        ("gamma0.vh", "VH"),
        ("B02_B03_B04", None),
        ("dem", None),
        ("infrared", None),
    ],
)
def test_bands(text: str, band: str | None) -> None:
    assert band_in(text) == band


def test_files_of_one_scene_have_one_name() -> None:
    for band, pixel in (("B02", "10m"), ("B05", "20m"), ("SCL", "20m")):
        path = PurePath(f"R{pixel}/T49SDC_20230601T030541_{band}_{pixel}.tif")
        assert name_of_scene(path, band) == "T49SDC_20230601T030541"
    assert name_of_scene(PurePath("B02/2023-06-01.tif"), "B02") == "2023-06-01"
    assert name_of_scene(PurePath("矿区/2023-06-01.tif")) == "矿区_2023-06-01"


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ({"bands": ["B02", "green2"]}, "bands: no band 'green2'"),
        ({"date": ["summer"]}, "date: 'summer' is no date"),
        ({"date": ["=2023-06-01"]}, "date: '=2023-06-01': write a file before ="),
        ({"order": "random"}, "order: no 'random'; there are by-date, by-band"),
        ({"baseline": ["5"]}, "baseline: '5' is no processing baseline"),
        ({"offset": ["a=minus"]}, "offset: 'minus' is no number"),
        ({"scale": 0.0}, "scale: 0: give the value of one digital number"),
    ],
)
def test_answers_that_are_none_are_named(answers: dict[str, object], text: str) -> None:
    with pytest.raises(SurveyError) as caught:
        Hints.parsed(**answers)  # type: ignore[arg-type]
    assert text in str(caught.value)


def test_the_longest_pattern_counts() -> None:
    hints = Hints.parsed(offset=["0", "2022*=-1000", "2022-06*=-900"])
    names = ("2021-06-01", "2022-01-01", "2022-06-01")
    assert [hints.offset_of(name) for name in names] == [0, -1000, -900]
