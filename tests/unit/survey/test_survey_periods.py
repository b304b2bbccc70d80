"""The periods of a survey file."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from _catalogs import survey_over
from minecover.errors import SurveyError
from minecover.planning.work import workload
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.transitions.matrix import years_apart


def year(name: int, season: str = "summer") -> dict[str, Any]:
    return {"seasons": {season: [f"{name}-06-01/{name}-08-31"]}}


def survey(*years: int) -> Survey:
    return survey_over("none.json", periods={n: year(n) for n in years}, **year(years[-1]))


def test_periods_have_names_and_seasons() -> None:
    its = survey(2019, 2023)
    assert its.period_names == ("2019", "2023")
    assert its.spans["2019"] == (dt.date(2019, 6, 1), dt.date(2019, 8, 31))
    first = its.in_period("2019")
    assert first.seasons == {"summer": ("2019-06-01/2019-08-31",)}
    assert first.period_names == ("",)
    assert its.seasons == its.in_period("2023").seasons  # those of the latest
    assert Survey.model_validate(its.model_dump(mode="json")) == its


def test_quarters_are_periods_a_quarter_of_a_year_apart() -> None:
    ends = ("01-01/2023-03-31", "04-01/2023-06-30", "07-01/2023-09-30", "10-01/2023-12-31")
    quarters = {
        f"2023-q{number}": {"seasons": {"quarter": [f"2023-{days}"]}}
        for number, days in enumerate(ends, 1)
    }
    its = survey_over("none.json", periods=quarters, **quarters["2023-q4"])
    assert its.period_names == tuple(quarters)
    assert its.feature_catalogue().names[0].startswith("quarter_")
    assert years_apart(list(its.spans.values())) == pytest.approx([0.25] * 3, abs=0.003)


def test_a_survey_without_periods_is_one() -> None:
    plain = survey_over("none.json")
    assert plain.period_names == ("",)
    assert plain.in_period("") is plain
    assert plain.spans == {}


@pytest.mark.parametrize(
    ("periods", "message"),
    [
        ({2023: year(2023), 2019: year(2019)}, "2019 begins on 2019-06-01, 2023 before it"),
        ({2019: year(2019), 2023: year(2023, "spring")}, "2023 has the seasons spring"),
        ({"a b": year(2019)}, "'a b' must be letters, digits, - and _"),
        ({2019: year(2019), 2023: year(2024)}, "leave out those of the survey as a whole"),
        ({2019: {}}, r"periods\['2019'\]\['seasons'\]: required, but missing"),
        ({2019: 7}, r"periods\['2019'\]: '7': give keys with"),
    ],
)
def test_periods_that_cannot_be_are_refused(periods: dict[Any, Any], message: str) -> None:
    plain = survey_over("none.json", **year(2023))
    with pytest.raises(SurveyError, match=message):
        plain.replace(periods=periods)


def test_periods_cost_as_often_as_there_are_of_them() -> None:
    one, three = survey(2019), survey(2019, 2021, 2023)
    single, triple = (workload(its, survey_grid(its)) for its in (one, three))
    for name in ("tiles", "pixels", "items", "source_pixels", "block_pixels", "opened"):
        assert getattr(triple, name) == pytest.approx(3 * getattr(single, name))
    # one model, of the same points
    assert (triple.points, triple.chosen) == (single.points, single.chosen)
