"""A survey with a model for each region, from samples to report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from shapely.geometry import box

from conftest import Recorder, tree  # type: ignore[import-not-found]
from minecover.errors import SurveyError
from minecover.planning.costs import starts_of
from minecover.planning.work import workload
from minecover.samples.regions import Regions
from minecover.stages import train as learning
from minecover.stages.registry import stage_names
from minecover.stages.samples import SAMPLES
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.workflow.stage import Workspace

pytestmark = pytest.mark.integration

Make = Callable[..., Survey]
Do = Callable[..., Recorder]


@pytest.fixture
def features(tmp_path_factory: pytest.TempPathFactory, make_survey: Make, do: Do) -> Path:
    """A store in which everything before the samples is done, to be copied."""
    store = tmp_path_factory.getbasetemp() / "features" / "store"
    do(make_survey(store), "features")
    return store


@pytest.fixture
def halves(tmp_path: Path, make_survey: Make) -> Path:
    """The district's northern and southern half."""
    return divided(tmp_path / "halves.gpkg", make_survey, {"north": (0.45, 1), "south": (0, 0.45)})


def divided(path: Path, make_survey: Make, parts: Mapping[str, tuple[float, float]]) -> Path:
    grid = survey_grid(make_survey(path.parent))
    left, bottom, right, top = grid.area.bounds
    strips = [box(left, bottom + a * (top - bottom), right, bottom + b * (top - bottom))
              for a, b in parts.values()]  # fmt: skip
    gpd.GeoDataFrame({"part": list(parts)}, geometry=strips, crs=grid.crs).to_file(path)
    return path


def by_region(path: Path) -> dict[str, Any]:
    return {"model": {"kind": "rf", "regions": {"path": str(path), "column": "part"}}}


def test_each_region_has_a_model_an_accuracy_and_its_part_of_the_map(
    tmp_path: Path, features: Path, halves: Path, make_survey: Make, do: Do
) -> None:
    store = tmp_path / "store"
    shutil.copytree(features, store)
    survey = make_survey(store, **by_region(halves))
    told = do(survey)
    stages = list(stage_names(survey))
    assert told.done == stages[stages.index("samples") :]
    assert Regions.load(Store(survey.store)).names == ("north", "south")
    assert {path.name for path in (store / "model").iterdir()} == {
        "0", "1", "learned_places.safetensors", "origin.json", "regions.json",
    }  # fmt: skip
    accuracy = json.loads((store / "products" / "accuracy.json").read_bytes())
    assert set(accuracy["regions"]) == {"north", "south"}
    for split, value in accuracy["splits"].items():
        parts = [accuracy["regions"][name][split] for name in ("north", "south")]
        assert sum(part["samples"] for part in parts) == value["samples"]
        right = sum(part["samples"] * part["overall_accuracy"] for part in parts)
        assert right == pytest.approx(value["samples"] * value["overall_accuracy"])
    assert accuracy["splits"]["spatial_blocks"]["overall_accuracy"] > 0.6
    with rasterio.open(store / "products" / "landuse.tif") as opened:
        assert (opened.read(1) > 0).mean() > 0.98
    report = (store / "products" / "report.html").read_text()
    assert "By region" in report
    assert "north" in report
    before = tree(store)
    assert do(survey).done == []
    assert tree(store) == before


def test_regions_that_were_trained_before_a_death_are_not_trained_again(
    tmp_path: Path,
    features: Path,
    halves: Path,
    make_survey: Make,
    do: Do,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = tmp_path / "store"
    shutil.copytree(features, store)
    survey = make_survey(store, **by_region(halves))
    trained: list[int] = []
    train = learning.tune_and_train

    def dying(*arguments: Any) -> Any:
        if len(trained) == 1:
            raise InterruptedError
        trained.append(1)
        return train(*arguments)

    monkeypatch.setattr(learning, "tune_and_train", dying)
    with pytest.raises(InterruptedError):
        do(survey, "train")
    first = tree(store / "model" / "0")
    trained.clear()
    do(survey, "train")
    assert trained == [1]
    assert tree(store / "model" / "0") == first
    # other polygons are other samples, and all of it again
    divided(halves, make_survey, {"north": (0.5, 1), "south": (0, 0.5)})
    monkeypatch.setattr(learning, "tune_and_train", train)
    assert do(survey, "train").done == ["samples", "select", "train"]
    assert tree(store / "model" / "0") != first
    # and back to one model for all: nothing of the regions stays
    do(make_survey(store), "train")
    assert not tree(store / "model" / "0")
    assert (store / "model" / "model.json").exists()


def test_they_are_checked_and_planned_before_anything_runs(
    tmp_path: Path, halves: Path, make_survey: Make
) -> None:
    survey = make_survey(tmp_path / "store", **by_region(halves))
    grid = survey_grid(survey)
    line, *_ = SAMPLES.check(Workspace(survey, ()))
    assert line.endswith(" in 2 regions: north, south")
    work = workload(survey, grid)
    assert work.regions == 2
    alone = make_survey(tmp_path / "store")
    for stage in ("train", "assess"):
        once = starts_of(stage, alone, workload(alone, grid))
        assert starts_of(stage, survey, work) == 2 * once


def test_a_region_without_enough_points_is_named(
    tmp_path: Path, features: Path, make_survey: Make, do: Do
) -> None:
    shutil.copytree(features, tmp_path / "store")
    strip = divided(tmp_path / "strip.gpkg", make_survey, {"strip": (0.985, 1), "rest": (0, 0.985)})
    survey = make_survey(tmp_path / "store", **by_region(strip))
    with pytest.raises(SurveyError, match=r"model\.regions: strip: "):
        do(survey, "samples")
    assert not (tmp_path / "store" / "samples.parquet").exists()


def test_points_are_of_the_region_they_lie_in(
    tmp_path: Path, features: Path, halves: Path, make_survey: Make, do: Do
) -> None:
    shutil.copytree(features, tmp_path / "store")
    survey = make_survey(tmp_path / "store", **by_region(halves))
    do(survey, "samples")
    table = pd.read_parquet(tmp_path / "store" / "samples.parquet")
    _, bottom, _, top = survey_grid(survey).area.bounds
    north = table["y"] > bottom + 0.45 * (top - bottom)
    assert 0.2 < north.mean() < 0.8
    np.testing.assert_array_equal(table["region"], np.where(north, "north", "south"))
    # no block is of two regions, and every fold has its share of both
    assert (table.groupby("block")["region"].nunique() == 1).all()
    assert (table.groupby("block_fold")["region"].nunique() == 2).all()
