"""`minecover export`: which store, which names, and where the files go."""

from __future__ import annotations

from pathlib import Path

import pytest
import rasterio
import typer
import yaml
from typer.testing import CliRunner

from minecover.commands.export import add_export_command
from minecover.errors import SurveyError
from small_store import SmallStore, begin_stage, small_store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return small_store(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def survey_file(made: SmallStore) -> Path:
    path = Path(made.store.url).parent / "survey.yaml"
    document = made.survey.model_dump(mode="json", exclude_unset=True)
    path.write_text(yaml.safe_dump(document))
    return path


def exported(*arguments: object) -> str:
    app = typer.Typer()
    add_export_command(app)
    result = CliRunner().invoke(app, [str(part) for part in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_files_go_to_the_store_or_where_they_are_told(
    made: SmallStore, survey_file: Path, tmp_path: Path
) -> None:
    said = exported(survey_file, "--bands", "B08,B04", "--bands", "B03", "--seasons", "summer")
    path = Path(made.store.url) / "exports" / "summer_B08_B04_B03.tif"
    assert str(path) in said
    with rasterio.open(path) as dataset:
        assert dataset.descriptions == ("summer_B08", "summer_B04", "summer_B03")
    exported(made.store.url, "--layers", "elevation", "--out", tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["elevation.qml", "elevation.tif"]


def test_an_area_is_a_box_or_a_file(made: SmallStore, tmp_path: Path) -> None:
    exported(
        made.store.url, "--layers", "elevation", "--out", tmp_path,
        "--area", "15.002,50.551,15.005,50.553",
    )  # fmt: skip
    with rasterio.open(tmp_path / "elevation.tif") as dataset:
        assert dataset.width < 30
    with pytest.raises(SurveyError, match=r"area: cannot read a,b,c,d"):
        exported(made.store.url, "--layers", "elevation", "--out", tmp_path, "--area", "a,b,c,d")


def test_tiles_that_are_not_done_are_said(tmp_path: Path) -> None:
    made = small_store(tmp_path)
    begin_stage(made, "predict", done=3)
    said = exported(made.store.url, "--layers", "entropy")
    assert "map: 3 of 12 tiles are done; the files hold nodata in the others" in said


def test_mistakes_are_named(made: SmallStore, survey_file: Path, tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="bands: no B99; there are") as caught:
        exported(survey_file, "--bands", "B99")
    assert caught.value.exit_code == 2
    with pytest.raises(SurveyError, match="is a store itself"):
        exported(made.store.url, "--store", tmp_path, "--bands", "B08")
    with pytest.raises(SurveyError, match="cannot read the survey file"):
        exported(tmp_path / "no.yaml", "--bands", "B08")
    with pytest.raises(SurveyError, match=r"--area: a box is four numbers, .*not 1,2,3"):
        exported(made.store.url, "--bands", "B08", "--area", "1,2,3")
    with pytest.raises(SurveyError, match=r"m\.tif: files of several layers go to a folder"):
        exported(made.store.url, "--bands", "B08", "--out", tmp_path / "m.tif")
