"""Periods and register of a survey, as its products read them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from minecover.errors import SurveyError
from minecover.stages.registry import stages_of
from minecover.stages.timeline import check_register, register_digest, register_of, timeline_of
from minecover.survey import Survey
from minecover.workflow.stage import Workspace
from small_map import survey


def licences(folder: Path) -> str:
    shapes = [shapely.box(16.0, 50.0, 16.01, 50.01), shapely.box(99, 20, 99.1, 20.1)]
    path = folder / "licences.gpkg"
    gpd.GeoDataFrame({"nr": ["L1", "far"]}, geometry=shapes, crs=4326).to_file(path)
    return str(path)


def workspace_of(its_survey: Survey) -> Workspace:
    return Workspace(its_survey, stages_of(its_survey))


def test_a_check_tells_what_of_the_register_lies_on_the_area(tmp_path: Path) -> None:
    states = tmp_path / "found.csv"
    states.write_text("suspect,state\noutside-4,confirmed\n")
    its = survey(
        registers={"licences": {"path": licences(tmp_path), "name": "nr"}, "states": str(states)},
        store=str(tmp_path / "store"),
    )
    lines = list(check_register(workspace_of(its)))
    assert lines == [
        "registers.licences: 1 on the area", "registers.states: 1 suspects looked at",
    ]  # fmt: skip
    assert list(check_register(workspace_of(survey()))) == []


def test_a_check_tells_what_of_a_register_will_not_count(tmp_path: Path) -> None:
    path = tmp_path / "mixed.gpkg"
    shapes = [shapely.box(99, 20, 99.1, 20.1), shapely.Point(16.0, 50.0), shapely.Polygon(), None]
    frame = gpd.GeoDataFrame({"nr": list("abcd")}, geometry=shapes, crs=4326)
    frame.to_file(path)
    its = survey(registers={"licences": {"path": str(path), "name": "nr"}})
    where = f"registers.licences: {path}"
    assert list(check_register(workspace_of(its))) == [
        "registers.licences: 0 on the area",
        f"{where}: 3 of 4 features are left out: points, lines or empty",
        f"{where}: no polygon lies on the area; is this the right file?",
    ]


def test_what_people_found_is_part_of_what_is_published(tmp_path: Path) -> None:
    states = tmp_path / "found.csv"
    states.write_text("suspect,state\na,\n")
    registers = {"licences": {"path": licences(tmp_path), "name": "nr"}, "states": str(states)}
    settings = survey(registers=registers).registers
    before = register_digest(settings)
    states.write_text("suspect,state\na,dismissed\n")
    assert register_digest(settings) != before
    states.unlink()
    with pytest.raises(SurveyError, match=r"registers\.states: cannot read .*copy of suspects"):
        register_digest(settings)
    assert register_digest(None) is None


def test_classes_of_a_register_of_mines_are_those_of_the_survey() -> None:
    with pytest.raises(ValueError, match=r"mines\.restored: no class is called green; there are"):
        survey(mines={"restored": ["green"]})


def test_a_survey_without_periods_and_register_has_no_timeline(tmp_path: Path) -> None:
    its = workspace_of(survey(store=str(tmp_path / "store")))
    assert timeline_of(its, None) is None
    assert register_of(its, None) is None
