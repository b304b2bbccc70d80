"""The survey and its files as pods see them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from _manifest_samples import IMAGE, geopackage, survey, write_points
from minecover.errors import SurveyError
from minecover.kubernetes.inputs import FILE_LIMIT
from minecover.kubernetes.plan import plan_cluster
from minecover.kubernetes.request import Request
from minecover.samples.points import read_points
from minecover.sources.chosen import SourceSettings
from minecover.survey import Survey, load
from minecover.survey.grid import survey_grid


def test_a_store_on_this_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=r"pods do not see it.*--store s3://"):
        plan_cluster(survey(tmp_path), Request(IMAGE))


def test_a_catalog_on_this_machine_is_refused(tmp_path: Path) -> None:
    local = survey(tmp_path, store="s3://b/p", catalog={"url": "catalog/catalog.json"})
    with pytest.raises(SurveyError, match=r"catalog\.url"):
        plan_cluster(local, Request(IMAGE))


def test_files_travel_in_the_config_map(dongsheng: Survey) -> None:
    plan = plan_cluster(dongsheng, Request(IMAGE))
    assert base64.b64decode(plan.input_files["dongsheng_samples.gpkg"]) == geopackage()


def test_a_shapefile_travels_with_its_parts(tmp_path: Path) -> None:
    write_points(tmp_path / "points.shp")
    (tmp_path / "points.dbf").rename(tmp_path / "points.DBF")
    (tmp_path / "points.notes").write_text("of no use")
    samples = {"path": "points.shp", "column": "class"}
    plan = plan_cluster(survey(tmp_path, store="s3://b/p", samples=samples), Request(IMAGE))
    parts = [name for name in plan.input_files if name.startswith("points")]
    assert parts == ["points.DBF", "points.cpg", "points.prj", "points.shp", "points.shx"]
    for name, content in plan.input_files.items():
        (tmp_path / "pod" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "pod" / name).write_bytes(base64.b64decode(content))
    arrived = survey(tmp_path, samples={**samples, "path": "pod/points.shp"})
    assert len(read_points(arrived.samples, arrived.classes, survey_grid(arrived))) == 36


def test_a_name_that_no_config_map_takes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "样本.gpkg").write_bytes(geopackage())
    samples = {"path": "样本.gpkg", "column": "class"}
    with pytest.raises(SurveyError, match=r"samples\.path: .*rename it"):
        plan_cluster(survey(tmp_path, store="s3://b/p", samples=samples), Request(IMAGE))


def test_large_files_need_a_claim(dongsheng: Survey, tmp_path: Path) -> None:
    (tmp_path / "luojia1_dongsheng.tif").write_bytes(bytes(FILE_LIMIT))
    with pytest.raises(SurveyError, match="--inputs-claim"):
        plan_cluster(dongsheng, Request(IMAGE))
    plan = plan_cluster(dongsheng, Request(IMAGE, inputs_claim="files"))
    assert plan.inputs_claim == "files"
    assert plan.input_files == {}


def test_a_missing_file_is_named(dongsheng: Survey, tmp_path: Path) -> None:
    (tmp_path / "dongsheng_samples.gpkg").unlink()
    with pytest.raises(SurveyError, match=r"dongsheng_samples\.gpkg: cannot read"):
        plan_cluster(dongsheng, Request(IMAGE))


def test_files_of_one_name_are_refused(dongsheng: Survey, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    area = tmp_path / "other" / "dongsheng_samples.gpkg"
    lights = dongsheng.sources["night_lights"].model_copy(update={"path": str(area)})
    sources = SourceSettings({**dongsheng.sources, "night_lights": lights})
    changed = dongsheng.model_copy(update={"sources": sources})
    with pytest.raises(SurveyError, match="pods find files by their name alone"):
        plan_cluster(changed, Request(IMAGE))


def test_pods_read_the_same_survey(dongsheng: Survey, tmp_path: Path) -> None:
    """What the pods load differs only in the engine and in where its files lie."""
    plan = plan_cluster(dongsheng, Request(IMAGE))
    for key, text in plan.surveys.items():
        path = tmp_path / key
        path.write_text(text, encoding="utf-8")
        loaded = load(path)
        assert loaded.samples.path == "/inputs/dongsheng_samples.gpkg"
        assert loaded.store == "s3://bucket/dongsheng"
        for section in ("name", "area", "grid", "seasons", "catalog", "classes", "model"):
            assert getattr(loaded, section) == getattr(dongsheng, section)
    assert load(tmp_path / "survey-ray.yaml").engine.ray_address == "auto"
    assert load(tmp_path / "survey.yaml").engine.tiles == "local"
