"""In which periods a sample is of its class."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from _catalogs import EPSG, LEFT, TOP, survey_over
from minecover.errors import SurveyError
from minecover.samples.points import labelled_periods, read_points
from minecover.samples.settings import SampleSettings
from minecover.samples.validity import explode, validity_of
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

SPANS = {
    "2019": (dt.date(2019, 3, 1), dt.date(2019, 11, 30)),
    "2021": (dt.date(2021, 3, 1), dt.date(2021, 11, 30)),
    "2023": (dt.date(2023, 3, 1), dt.date(2023, 11, 30)),
}

DAYS = st.dates(dt.date(2018, 1, 1), dt.date(2024, 12, 31))


def periods_of(settings: dict[str, Any] | None = None, **columns: Any) -> list[str]:
    """Name the periods of one sample."""
    found = validity_of(
        pd.DataFrame({name: [value] for name, value in columns.items()}),
        SPANS,
        SampleSettings(path="points.csv", **(settings or {})),
    )
    assert not found.unreadable.any()
    return explode(pd.DataFrame({"validity": found.kind}), found)["period"].tolist()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"period": "2021"}, ["2021"]),
        ({"period": 2021}, ["2021"]),
        ({"period": 2021.0}, ["2021"]),  # of a column with gaps
        ({"period": "2020"}, []),
        ({"date": "2023-03-01"}, ["2023"]),
        ({"date": pd.Timestamp("2023-11-30 23:59")}, ["2023"]),
        ({"date": "2023-12-01"}, []),
        ({"valid_from": "2019-03-01", "valid_to": "2021-11-30"}, ["2019", "2021"]),
        ({"valid_from": "2019-03-02", "valid_to": "2021-11-29"}, []),
        ({"valid_from": "2020", "valid_to": ""}, ["2021", "2023"]),
        ({"valid_from": None, "valid_to": "2021"}, ["2019", "2021"]),
        ({"valid_from": "2021-03", "valid_to": "2023-11"}, ["2021", "2023"]),
        ({"valid_from": "2021-03", "valid_to": "2021-10"}, []),
        ({"valid_from": "1600-01-01", "valid_to": "9999-12-31"}, ["2019", "2021", "2023"]),
        ({"valid_from": "2020-05-01", "valid_to": "9999-12"}, ["2021", "2023"]),
        ({"date": "9999-12-31"}, []),
        # what says more about the time wins
        ({"period": "2019", "date": "2023-06-01"}, ["2019"]),
        ({"period": "", "date": "2023-06-01", "valid_from": "2018", "valid_to": ""}, ["2023"]),
    ],
)
def test_a_sample_is_of_the_periods_that_it_says(
    columns: dict[str, Any], expected: list[str]
) -> None:
    assert periods_of(**columns) == expected


@pytest.mark.parametrize("year", ["2021", 2021, 2021.0])
def test_a_year_is_no_date(year: object) -> None:
    """A winter begins in one year and ends in the next: 2021 may be of either."""
    winter = {"2020": (dt.date(2020, 12, 1), dt.date(2021, 2, 28))}
    settings = SampleSettings(path="points.csv")
    assert validity_of(pd.DataFrame({"date": [year]}), winter, settings).unreadable.all()


@given(DAYS, DAYS)
def test_a_span_holds_the_periods_that_lie_whole_within(one: dt.date, other: dt.date) -> None:
    start, end = min(one, other), max(one, other)
    expected = [name for name, (first, last) in SPANS.items() if start <= first and last <= end]
    assert periods_of(valid_from=str(start), valid_to=str(end)) == expected


@given(DAYS)
def test_a_day_is_the_shortest_span(day: dt.date) -> None:
    expected = [name for name, (first, last) in SPANS.items() if first <= day <= last]
    assert periods_of(date=str(day)) == expected


def test_samples_that_say_nothing_are_of_the_period_that_is_named() -> None:
    assert periods_of({"in_period": "2021"}, other=1) == ["2021"]
    assert periods_of({"in_period": "2021"}, date="") == ["2021"]
    assert periods_of({"date": "day"}, day="2019-06-01", date="2023-06-01") == ["2019"]


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(SurveyError, match="no column period, date, valid_from, valid_to; name"):
        periods_of(other=1)
    with pytest.raises(SurveyError, match="'2020' is no period of the survey; it has 2019, 2021"):
        periods_of({"in_period": "2020"}, other=1)


def a_survey(folder: Path, rows: list[tuple[float, str, str]]) -> Survey:
    """Describe a survey of two years with points in a row of pixels: column, class and date."""
    table = pd.DataFrame(rows, columns=["column", "class", "date"])
    table["x"], table["y"] = LEFT + 10 * table["column"] + 5, TOP - 5
    table.to_csv(folder / "points.csv", index=False)
    seasons = {
        year: {"seasons": {"summer": [f"{year}-06-01/{year}-08-31"]}} for year in (2019, 2023)
    }
    samples = {"path": str(folder / "points.csv"), "crs": f"EPSG:{EPSG}", "folds": 2}
    return survey_over("none.json", periods=seasons, **seasons[2023], samples=samples)


def test_points_are_there_once_a_period(tmp_path: Path) -> None:
    plain = [(n, "ground" if n < 2 else "mine", "2019-07-01") for n in range(4)]
    rows = [
        *plain,
        *((n, "mine", "2023-07-01") for n in range(4)),  # ground that was mined since
        (0, "ground", "2019-07-02"),  # doubled
        (3, "ground", "2019-07-03"),  # contradictory
        (5, "mine", "2021-07-01"),
        (6, "mine", "soon"),
    ]
    its = a_survey(tmp_path, rows)
    points = read_points(its.samples, its.classes, survey_grid(its), its.spans)
    got = points.frame[["col", "name", "period"]].to_numpy().tolist()
    assert got == [
        [0, "ground", "2019"], [1, "ground", "2019"], [2, "mine", "2019"],
        *([n, "mine", "2023"] for n in range(4)),
    ]  # fmt: skip
    assert points.dropped == {
        "with an unreadable date": 1, "of no period of the survey": 1,
        "contradictory": 2, "doubled": 1,
    }  # fmt: skip
    assert labelled_periods(its.samples, its.classes, its.spans) == ("2019", "2023")


def test_samples_of_no_period_are_refused(tmp_path: Path) -> None:
    its = a_survey(tmp_path, [(n, "ground", "2021-07-01") for n in range(4)])
    with pytest.raises(SurveyError, match=r"of any of the periods 2019, 2023; dropped: 4 of no"):
        read_points(its.samples, its.classes, survey_grid(its), its.spans)


def test_a_pixel_is_drawn_for_every_period_in_which_its_polygon_is_valid() -> None:
    frame = pd.DataFrame({"valid_from": ["2018", "2022"], "valid_to": ["2022", None]})
    found = validity_of(frame, SPANS, SampleSettings(path="points.gpkg"))
    both = explode(pd.DataFrame({"place": [7, 8], "validity": found.kind}), found)
    assert both["place"].tolist() == [7, 7, 8]
    assert both["period"].tolist() == ["2019", "2021", "2023"]
    assert np.array_equal(found.in_none(), [False, False])
