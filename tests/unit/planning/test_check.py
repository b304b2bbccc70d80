"""A check sees what a run will stumble over, and all of it at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import yaml
from shapely.geometry import Point, Polygon, box
from typer.testing import CliRunner

from _catalogs import CatalogWriter, frozen, survey_over
from minecover.commands.app import app
from minecover.errors import MinecoverError, StoreError, SurveyError, TryAgainError
from minecover.geography.grid import area_grid
from minecover.geography.settings import AreaSettings, GridSettings
from minecover.planning.check import check_survey
from minecover.planning.findings import Finding, raise_faults
from minecover.planning.store_location import existing_store
from minecover.stages.samples import SAMPLES
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.workflow.stage import Remark, Workspace

CRS, LEFT, TOP = "EPSG:32649", 500_000, 4_400_000
NAMES = ("mine", "other")


def document(folder: Path, points: gpd.GeoDataFrame, **sections: Any) -> dict[str, Any]:
    points.to_file(folder / "p.gpkg")
    samples = {
        "path": str(folder / "p.gpkg"),
        "folds": 3,
        "block": 200,
        **sections.pop("samples", {}),
    }
    colour = "#336699"
    return {
        "name": "test",
        "area": {"bbox": [LEFT, TOP - 1000, LEFT + 1000, TOP], "crs": CRS},
        "grid": {"crs": CRS, "tile": 64},
        "seasons": {"summer": ["2024-06-01/2024-08-31"]},
        "catalog": {"url": str(folder / "catalog.json")},
        "classes": [{"code": i + 1, "name": n, "colour": colour} for i, n in enumerate(NAMES)],
        "model": {"kind": "rf"},
        "store": str(folder / "store"),
        "samples": samples,
        **sections,
    }


def scattered(count: int, width: float = 1000, labels: tuple[str, ...] = NAMES) -> gpd.GeoDataFrame:
    """Points all over the western part of the area, of each class in turn."""
    places = np.random.default_rng(0).random((count, 2)) * (width, -1000) + (LEFT, TOP)
    names = [labels[i % len(labels)] for i in range(count)]
    return gpd.GeoDataFrame({"class": names}, geometry=[Point(p) for p in places], crs=CRS)


def lines(folder: Path, points: gpd.GeoDataFrame, **sections: Any) -> list[str]:
    survey = Survey.model_validate(document(folder, points, **sections))
    return list(SAMPLES.check(Workspace(survey, ())))


def test_points_that_will_do_are_one_line(tmp_path: Path) -> None:
    assert lines(tmp_path, scattered(60)) == ["samples: 60 points usable"]


def test_too_few_blocks_for_the_folds(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=r"samples\.block: only 1 block\(s\) of 100 x 100 pixels"):
        lines(tmp_path, scattered(60), samples={"block": 1000})


def test_a_class_that_a_fold_will_lack(tmp_path: Path) -> None:
    points = scattered(60)
    corner = [Point(LEFT + 5 + 10 * i, TOP - 5) for i in range(4)]
    rare = gpd.GeoDataFrame({"class": ["rare"] * 4}, geometry=corner, crs=CRS)
    classes = [
        {"code": i, "name": n, "colour": "#000000"} for i, n in enumerate((*NAMES, "rare"), 1)
    ]
    text, remark = lines(tmp_path, pd.concat([points, rare]), classes=classes)
    assert text.startswith("samples: 64 points usable")
    assert isinstance(remark, Remark)
    assert "class rare lies in 1 spatial block(s), so fold(s)" in remark


def test_patches_that_leave_nothing_to_test_on(tmp_path: Path) -> None:
    """Patches of 31 pixels around points of a strip of 100 x 10 pixels in blocks of 31."""
    given = {"kind": "resnet50", "window": 31}
    _, remark = lines(tmp_path, scattered(60, 1000), model=given, samples={"block": 310})
    assert isinstance(remark, Remark)
    assert "lies 31 pixels from those of the other folds" in remark


@pytest.mark.parametrize(
    ("kind", "count", "why"),
    [("knn", 6, "there are 4 points to train on, and model.kind knn needs 5"),
     ("svm", 6, "fewer points than the 3 of a class that model.kind svm needs: ")],
)  # fmt: skip
def test_too_few_points_for_a_model(tmp_path: Path, kind: str, count: int, why: str) -> None:
    with pytest.raises(SurveyError, match=why):
        lines(tmp_path, scattered(count), model={"kind": kind}, samples={"block": 100})


@pytest.mark.parametrize(
    "shape",
    [
        box(LEFT + 11, TOP - 14, LEFT + 14, TOP - 11),
        Polygon([(LEFT + 1, TOP - 1), (LEFT + 900, TOP - 899), (LEFT + 900, TOP - 899.5)]),
    ],
)
def test_an_area_without_a_pixel_is_refused(tmp_path: Path, shape: Polygon) -> None:
    gpd.GeoSeries([shape], crs=CRS).to_file(tmp_path / "a.gpkg")
    area, grid = AreaSettings(path=str(tmp_path / "a.gpkg")), GridSettings(crs=CRS, tile=32)
    with pytest.raises(SurveyError, match="no pixel of 10 m has its centre in it"):
        area_grid(area, grid)
    fine = area_grid(area, grid.replace(resolution=0.1))
    assert fine.has_pixels()


def test_a_ring_has_pixels_though_none_in_its_middle(tmp_path: Path) -> None:
    centre = Point(LEFT + 500, TOP - 500)
    ring = centre.buffer(400).difference(centre.buffer(391))
    gpd.GeoSeries([ring], crs=CRS).to_file(tmp_path / "a.gpkg")
    area_grid(AreaSettings(path=str(tmp_path / "a.gpkg")), GridSettings(crs=CRS, tile=32))


def checked(folder: Path, *options: str, **sections: Any) -> Any:
    path = folder / "survey.yaml"
    path.write_text(yaml.safe_dump(document(folder, scattered(60), **sections)))
    return CliRunner().invoke(app, ["check", str(path), *options])


def test_faults_come_together(tmp_path: Path) -> None:
    """No catalog, and points in one block: both are told, and the area is right."""
    its = document(tmp_path, scattered(60), samples={"block": 1000})
    found = list(check_survey(Survey.model_validate(its)))
    assert [finding.kind for finding in found] == ["right", "wrong", "right", "wrong"]
    texts = [finding.text.partition(":")[0] for finding in found]
    assert texts == ["area", "catalog.url", "samples", "samples.block"]
    with pytest.raises(SurveyError, match=r"(?s)^2 things are wrong:\n  cat.*\n  samples\.bl"):
        raise_faults(found)
    assert not (tmp_path / "store").exists()


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "points").write_text("")
    with pytest.raises(StoreError, match="points is a file; give a folder"):
        existing_store(str(tmp_path / "points"))


def test_an_area_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    its = document(tmp_path, scattered(60), area={"path": str(tmp_path / "none.gpkg")})
    found = list(check_survey(Survey.model_validate(its)))
    assert [finding.text.partition(":")[0] for finding in found] == ["area.path"]


def test_what_may_pass_alone_is_tried_again() -> None:
    passing, lasting = Finding("wrong", "a", 75), Finding("wrong", "b", 2)
    raise_faults([Finding("right", "c"), Finding("remark", "d")])
    for found, kind in (([passing], TryAgainError), ([passing, lasting], SurveyError)):
        with pytest.raises(MinecoverError) as caught:
            raise_faults(found)
        assert caught.type is kind


def test_the_command_speaks_json_and_of_another_store(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "store.json").write_text("{}")
    ended = checked(tmp_path, "--json", "--store", str(other))
    found = json.loads(ended.stdout.splitlines()[0])
    assert {finding["kind"] for finding in found} == {"right", "wrong"}
    assert any(finding["text"].startswith("catalog") for finding in found)
    assert {(one["kind"], one["exit_code"]) for one in found} == {("right", 0), ("wrong", 2)}
    assert isinstance(ended.exception, SurveyError)


def test_grids_of_surveys_are_held_to_it(tmp_path: Path) -> None:
    area = {"bbox": [LEFT + 1, TOP - 3, LEFT + 3, TOP - 1], "crs": CRS}
    its = document(tmp_path, scattered(60), area=area)
    with pytest.raises(SurveyError, match="no pixel"):
        survey_grid(Survey.model_validate(its))


@pytest.mark.parametrize("far", [False, True])
def test_files_beside_images_far_away_are_said_not_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: bool
) -> None:
    writer = CatalogWriter(tmp_path / "catalog")
    writer.sentinel2("one", "2021-06-10T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    survey = survey_over(writer.write(), store=str(tmp_path / "store"))
    manifest = frozen(survey)
    (item,) = manifest.found
    place = "https://example.org/" if far else ""
    assets = {
        key: asset.replace(href=f"{place}{key}.tif" if far else asset.href)
        for key, asset in item.assets.items()
    }
    known = manifest.replace(found=(item.replace(assets=assets),))
    monkeypatch.setattr("minecover.planning.check.freeze", lambda *_: known)
    told = [f for f in check_survey(survey) if "files beside them" in f.text]
    assert [finding.kind for finding in told] == (["remark"] if far else [])
