"""Arguments of a survey: natural ones are taken, and others refused before anything is written."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, box

import minecover as mc
from minecover.api.messages import speaking_of_arguments
from minecover.errors import StoreError, SurveyError
from survey_in_memory import CLASSES, LEFT, TOP, area, made, points

NOT_AREAS = {
    "a number": 5,
    "three numbers": (1, 1, 0),
    "words": ("a", "b", "c", "d"),
    "a table": pd.DataFrame({"x": [1.0]}),
    "a list of areas": [box(0, 0, 1, 1)],
    "metres": box(LEFT, TOP - 1600, LEFT + 2000, TOP),
    "bounds in metres": np.array([LEFT, TOP - 1600, LEFT + 2000, TOP]),
    "without places": gpd.GeoDataFrame({"a": [1]}),
    "empty": area().iloc[:0],
    "a point": Point(16.0, 50.0),
    "nothing": None,
}


@pytest.mark.parametrize("name", NOT_AREAS)
def test_what_is_no_area_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    said = {
        "a table": "a DataFrame has no places; make a GeoDataFrame",
        "metres": "are no degrees; .*crs=",
        "bounds in metres": "are no degrees",
        "without places": "no active geometry; .*set_geometry",
        "empty": "it is empty; give a GeoDataFrame",
        "a point": "it holds no polygon; give",
    }
    with pytest.raises(SurveyError, match=f"^area: .*{said.get(name, 'give .* degrees')}"):
        made(tmp_path / "store", area=NOT_AREAS[name])
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("given", [None, 5, pd.DataFrame({"x": [1.0]}), points().iloc[:0]])
def test_what_are_no_samples_is_refused_before_anything_is_written(
    tmp_path: Path, given: object
) -> None:
    with pytest.raises(SurveyError, match=r"^samples: .*GeoDataFrame"):
        made(tmp_path / "store", samples=given)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("store", [None, 5, ""])
def test_a_store_is_a_name(store: object) -> None:
    with pytest.raises(SurveyError, match=r"^store: give the name of a folder, or an address, not"):
        made(store)  # type: ignore[arg-type]


def test_bounds_and_regions_are_taken_as_they_are(tmp_path: Path) -> None:
    bounds = area().to_crs("EPSG:4326").total_bounds
    survey = made(tmp_path / "store", area=bounds)
    assert survey.area.bbox == tuple(bounds)
    regions = area().rename(columns={"province": "name"})
    one, other = (
        made(tmp_path / "store", model={"regions": given}) for given in (regions, {"path": regions})
    )
    assert one == other
    assert one.replace(model__regions=regions) == one
    with pytest.raises(SurveyError, match=r"^regions: give a GeoDataFrame of polygons"):
        one.replace(model__regions=5)


def test_mistakes_are_short_and_name_what_is_near(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=r"^sample: unknown; is it samples\?; there are name"):
        made(tmp_path / "store", sample=1)
    with pytest.raises(SurveyError, match=r"^model\['knd'\]: unknown; is it kind\?; there are"):
        made(tmp_path / "store", model={"knd": "rf"})
    survey = made(tmp_path / "store")
    with pytest.raises(SurveyError, match=r"^classes__0__name: classes has no parts with names"):
        survey.replace(classes__0__name="x")
    with pytest.raises(SurveyError, match=r"^classes\[0\]\['nam'\]: unknown; is it name\?"):
        made(tmp_path / "store", classes=[{**CLASSES[0], "nam": "x"}, CLASSES[1]])
    assert str(survey) == repr(survey)


@pytest.mark.parametrize("budget", [float("nan"), -1, "5"])
def test_a_budget_is_an_amount(tmp_path: Path, budget: Any) -> None:
    survey = made(tmp_path / "store", area=(16, 50, 17, 51), samples="points.csv")
    with pytest.raises(SurveyError, match=r"^budget: .*; give how much may be spent"):
        survey.run(prices={"core_hour": 1}, budget=budget)
    assert not Path(survey.store).exists()


def test_errors_speak_of_what_was_given_in_memory(tmp_path: Path) -> None:
    survey = made(tmp_path / "store")
    error = StoreError(
        f"samples.path: {survey.samples.path}: bad; area.where: none of {survey.area.path}. Check "
        "`catalog.url`; the same command resumes; start it and run the same command again"
    )
    with pytest.raises(StoreError) as caught, speaking_of_arguments(survey):
        raise error
    assert str(caught.value) == (
        "samples: what was given: bad; area__where: none of what was given. Check "
        "`catalog__url`; the same call resumes; start it and call it again"
    )


def test_no_survey_is_made_without_validation(tmp_path: Path) -> None:
    survey = made(tmp_path / "store")
    with pytest.raises(SurveyError, match=r"make a survey by Survey\(\.\.\.\)"):
        mc.Survey.model_construct(**dict(survey))
    assert pickle.loads(pickle.dumps(survey)) == survey == copy.deepcopy(survey)
    unchecked = type(survey.model).model_construct(kind="transformer")
    with pytest.raises(SurveyError, match=r"^model: |^model\['kind'\]: no kind"):
        survey.replace(model=unchecked)
