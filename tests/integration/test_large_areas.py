"""A survey within an administrative boundary, on an equal-area grid, with features kept and not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from shapely.geometry import Polygon, box

from conftest import Recorder, tree  # type: ignore[import-not-found]
from minecover.demo.district import District
from minecover.geography.grid import Window
from minecover.ledger.status import survey_status
from minecover.planning.plan import plan_survey
from minecover.stages.registry import stage_names, stages_of
from minecover.storage.store import Store
from minecover.survey import Survey, load
from minecover.survey.grid import survey_grid
from minecover.workflow.run import Run

pytestmark = pytest.mark.integration

Make = Callable[..., Survey]
Do = Callable[..., Recorder]

LEARNT = ("samples.parquet", "selection.json", "accuracy.json")
RASTERS = ("landuse.tif", "probability.tif", "entropy.tif", "applicability.tif", "mines.gpkg")


@pytest.fixture(scope="module")
def boundary(district: District, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two counties: the district without a corner and a hole, and a far one."""
    path = tmp_path_factory.mktemp("areas") / "counties.gpkg"
    left, bottom, right, top = survey_grid(load(district.survey)).area.bounds
    corner = Polygon([(left, bottom), (left + 700, bottom), (left, bottom + 700)])
    hole = box(left + 500, bottom + 750, left + 600, bottom + 850)
    county = box(left, bottom, right, top).difference(shapely.union_all([corner, hole]))
    far = box(right + 90_000, top, right + 95_000, top + 5_000)
    frame = gpd.GeoDataFrame({"county": ["Mined", "Far"]}, geometry=[county, far])
    frame.set_crs(survey_grid(load(district.survey)).crs).to_file(path)
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {keep: tmp_path_factory.mktemp(keep) / "store" for keep in ("all", "selected", "none")}


def county_survey(make: Make, boundary: Path, folder: Path, keep: str) -> Survey:
    area: dict[str, Any] = {"path": str(boundary), "where": {"county": "Mined"}, "bbox": None}
    return make(
        folder,
        area=area,
        grid={"crs": "equal-area", "tile": 32},
        features={"keep": keep, "fill_distance": 1},
        prediction={"smoothing": 5, "borders": 5},
        selection={"keep": 12, "trees": 20},
        assessment={"areas": False},
        model={"kind": "nb"},
    )


@pytest.fixture
def surveys(make_survey: Make, boundary: Path, folders: dict[str, Path]) -> dict[str, Survey]:
    return {
        keep: county_survey(make_survey, boundary, folder, keep) for keep, folder in folders.items()
    }


def test_a_county_is_mapped_and_nothing_else(surveys: dict[str, Survey], do: Do) -> None:
    survey = surveys["all"]
    grid, store = survey_grid(survey), Path(survey.store)
    do(survey, last="cube")
    # the other surveys' cube is the same: they go on from a copy
    for keep in ("selected", "none"):
        shutil.copytree(store, surveys[keep].store)
    do(survey)
    count = len(grid.tiles)
    assert grid.crs_name.startswith("Lambert equal area on ")
    every = -(-grid.shape[0] // 32) * -(-grid.shape[1] // 32)
    assert count < every
    # counted alike by plan, status and run
    plan = plan_survey(Run(survey, stages_of(survey), Recorder()))
    assert {plan.stage(name).tiles for name in ("cube", "features", "predict")} == {count}
    status = {item.stage: item for item in survey_status(Store(survey.store), ["cube", "predict"])}
    assert {item.tiles for item in status.values()} == {count}
    for name in ("cube.zarr/reflectance", "features.zarr/features", "map.zarr/probability"):
        shards = [path for path in (store / name / "c").rglob("*") if path.is_file()]
        assert len(shards) == count
    with rasterio.open(store / "products" / "landuse.tif") as dataset:
        landuse = dataset.read(1)
        assert "Lambert_Azimuthal_Equal_Area" in dataset.crs.to_wkt()
    inside = grid.area_mask(Window(0, grid.shape[0], 0, grid.shape[1]))
    assert (landuse[~inside] == 0).all()
    assert (landuse[inside] > 0).mean() > 0.95
    item = json.loads((store / "products" / "item.json").read_bytes())
    assert len(item["geometry"]["coordinates"]) == 2  # the hole is one


@pytest.mark.parametrize("keep", ["selected", "none"])
def test_features_that_are_not_kept_give_the_same_map(
    surveys: dict[str, Survey], do: Do, keep: str
) -> None:
    kept, not_kept = (Path(surveys[name].store) for name in ("all", keep))
    told = do(surveys[keep])
    assert told.done == list(stage_names(surveys[keep])[2:])
    assert (not_kept / "features.zarr").exists() == (keep == "selected")
    for name in (*LEARNT, *(f"products/{name}" for name in RASTERS)):
        assert (not_kept / name).read_bytes() == (kept / name).read_bytes(), name
    for name in (
        "map.zarr/landuse/c",
        "map.zarr/probability/c",
        "cube.zarr/reflectance/c",
        "model",
    ):
        assert tree(not_kept / name) == tree(kept / name)
    # again, and nothing is done
    told = do(surveys[keep])
    assert told.done == []


def test_selected_features_lie_beside_the_map(surveys: dict[str, Survey]) -> None:
    whole, chosen = (
        Store(surveys[keep].store).layers("features.zarr") for keep in ("all", "selected")
    )
    told = Store(surveys["selected"].store).read_json("selection.json")
    assert chosen.names == tuple(told["chosen"])
    window = Window(0, *whole.shape[:1], 0, *whole.shape[1:])
    np.testing.assert_array_equal(chosen.read(window), whole.read(window, chosen.names))


def test_a_plan_knows_the_difference(surveys: dict[str, Survey]) -> None:
    plans = {k: plan_survey(Run(s, stages_of(s), Recorder())) for k, s in surveys.items()}
    assert plans["none"].stage("features").stored == 0
    assert plans["all"].stage("features").stored > 0
    assert plans["none"].stage("features").tiles is None
    for plan in plans.values():
        costs = plan.features
        stored = [costs[keep]["stored"] for keep in ("all", "selected", "none")]
        assert stored == sorted(set(stored), reverse=True)
        assert set(costs["none"]) == {"stored", "moved", "core_hours"}
        assert all(item.origin == "ledger" for item in plan.stages if item.stage != "publish")


def test_what_is_kept_follows_the_survey(surveys: dict[str, Survey], do: Do) -> None:
    """The cube stands; features are written, and deleted, where the survey changes its mind."""
    folder = Path(surveys["none"].store)
    kept = surveys["all"].model_copy(update={"store": str(folder)})
    told = do(kept, last="features")
    assert told.done == ["features"]
    cells = tree(folder / "features.zarr" / "features" / "c")
    assert cells == tree(Path(surveys["all"].store) / "features.zarr" / "features" / "c")
    told = do(surveys["none"], last="features")
    assert told.done == ["features"]
    assert tree(folder / "features.zarr") == {}
    # and what the prediction kept beside its map
    folder = Path(surveys["selected"].store)
    do(surveys["selected"], last="features", again=True)
    assert tree(folder / "features.zarr") != {}
    do(surveys["none"].model_copy(update={"store": str(folder)}), last="features")
    assert tree(folder / "features.zarr") == {}
