from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
from shapely.geometry import box

from minecover.planning.plan import plan_survey
from minecover.stages.registry import stages_of
from minecover.survey import Survey, grid
from minecover.survey.grid import survey_grid
from minecover.testing.stages import tile_survey
from minecover.workflow.stage import Workspace

LEFT, BOTTOM = 500_000, 4_000_000


def with_area(path: Path, edge: float) -> Survey:
    area = gpd.GeoDataFrame(geometry=[box(LEFT, BOTTOM, LEFT + edge, BOTTOM + edge)], crs=32649)
    area.to_file(path)
    return tile_survey(str(path.parent / "store"), 1, 1).replace(area={"path": str(path)})


def test_the_area_is_read_once_for_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survey, read = with_area(tmp_path / "area.gpkg", 640), []
    lay = grid.area_grid
    monkeypatch.setattr(grid, "area_grid", lambda *given: read.append(given) or lay(*given))
    plan_survey(Workspace(survey, stages_of(survey)))
    assert len(read) == 1


@pytest.mark.parametrize("name", ["area.geojson", "area.gpkg", "area.shp"])
def test_a_file_that_was_written_again_is_read_again(tmp_path: Path, name: str) -> None:
    survey = with_area(tmp_path / name, 640)
    assert survey_grid(survey).shape == (64, 64)
    assert survey_grid(survey) is survey_grid(survey)
    with_area(tmp_path / name, 960)
    assert survey_grid(survey).shape == (96, 96)


def test_so_is_one_whose_table_alone_was_written(tmp_path: Path) -> None:
    survey = with_area(tmp_path / "area.shp", 640)
    one, table = survey_grid(survey), tmp_path / "area.dbf"
    table.write_bytes(table.read_bytes() + b"\0")
    assert survey_grid(survey) is not one


def test_other_settings_make_another_grid(tmp_path: Path) -> None:
    survey = with_area(tmp_path / "area.gpkg", 640)
    assert survey_grid(survey.replace(grid__resolution=20)).shape == (32, 32)
    assert survey_grid(survey).shape == (64, 64)
    assert len(grid._LAID) <= grid.KEPT
