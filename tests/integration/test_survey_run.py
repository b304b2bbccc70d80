"""One survey from catalog to report, and what happens when it is disturbed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from conftest import Recorder, tree  # type: ignore[import-not-found]
from minecover.api.results import Results
from minecover.errors import DataError, StoreError, SurveyError
from minecover.geography.grid import Window
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.stages.registry import stage_names
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

pytestmark = pytest.mark.integration

Make = Callable[..., Survey]
Do = Callable[..., Recorder]

RASTERS = ("cube.zarr", "features.zarr", "map.zarr")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("finished") / "store"


def test_a_survey_ends_with_map_accuracy_and_report(
    finished: Path, make_survey: Make, do: Do
) -> None:
    survey = make_survey(finished)
    told = do(survey)
    assert told.done == list(stage_names(survey))
    products = finished / "products"
    with rasterio.open(products / "landuse.tif") as opened:
        landuse = opened.read(1)
    grid = survey_grid(survey)
    assert landuse.shape == grid.shape
    assert set(np.unique(landuse)) <= {0, *survey.class_codes.values()}
    assert (landuse > 0).mean() > 0.98  # the district fills its grid but for the 2 m at the edge
    assert cog_validate(products / "landuse.tif")[0]
    accuracy = json.loads((products / "accuracy.json").read_bytes())
    assert accuracy["splits"]["random"]["overall_accuracy"] > 0.7
    assert accuracy["splits"]["spatial_blocks"]["samples"] > 0
    assert accuracy["splits"]["areas"]["samples"] > 0
    assert accuracy["smoothing"]["points"] > 0
    with rasterio.open(products / "sets.tif") as opened:
        assert ((opened.read(1) > 0) == (landuse > 0)).all()
    assert accuracy["sets"]["points"] == accuracy["splits"]["spatial_blocks"]["samples"]
    assert cog_validate(products / "applicability.tif")[0]
    assert "SIMULATED" in (products / "report.html").read_text()


def test_running_again_does_nothing(finished: Path, make_survey: Make, do: Do) -> None:
    before = tree(finished)
    survey = make_survey(finished)
    told = do(survey)
    assert told.done == []
    assert told.skipped_stages == list(stage_names(survey))
    assert tree(finished) == before


def test_a_change_redoes_what_depends_on_it_and_no_more(
    finished: Path, make_survey: Make, do: Do
) -> None:
    told = do(make_survey(finished, selection={"keep": 15}))
    assert told.skipped_stages == ["catalog", "cube", "features", "samples"]
    assert told.done == ["select", "train", "predict", "assess", "publish"]
    do(make_survey(finished))


def test_a_run_interrupted_in_each_stage_of_tiles_ends_in_the_same_bytes(
    tmp_path: Path, finished: Path, make_survey: Make, do: Do
) -> None:
    survey = make_survey(tmp_path / "store")
    for die_after in (1, 5, 5):  # of four tiles each: in the cube, the features, the prediction
        with pytest.raises(InterruptedError):
            do(survey, "predict", die_after=die_after)
    do(survey, "predict")
    for name in RASTERS:
        assert tree(tmp_path / "store" / name) == tree(finished / name), name
    survey = survey.replace(engine__threads=2)
    do(survey)  # everything that is published is the same, too
    assert tree(tmp_path / "store" / "products") == tree(finished / "products")


def test_every_tile_is_written_once_and_marked(finished: Path, make_survey: Make) -> None:
    survey = make_survey(finished)
    grid, store = survey_grid(survey), Store(str(finished))
    arrays = {
        "cube": "cube.zarr/reflectance",
        "features": "features.zarr/features",
        "predict": "map.zarr/landuse",
    }
    for stage, name in arrays.items():
        ledger = Ledger(store)
        markers = TileMarkers(store, stage, ledger.layout(stage)["fingerprint"])
        assert sorted(name for name, _ in markers.names("done")) == [t.name for t in grid.tiles]
        assert not list(store.names(f"{markers.prefix}/leases"))
        shards = list((finished / name / "c").rglob("*"))
        assert sum(path.is_file() for path in shards) == len(grid.tiles)


def test_the_store_of_another_survey_is_refused(finished: Path, make_survey: Make, do: Do) -> None:
    before = tree(finished)
    with pytest.raises(StoreError, match="differs in grid"):
        do(make_survey(finished, grid={"tile": 32}))
    assert tree(finished) == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path, make_survey: Make, do: Do) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="give an empty folder"):
        do(make_survey(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_bad_tile_is_named_and_the_others_stand(
    tmp_path: Path, district: object, make_survey: Make, do: Do
) -> None:
    survey = make_survey(tmp_path / "store")
    do(survey, "catalog")
    manifest = Store(survey.store)
    document = manifest.read_json("manifest.json")
    # one scene of one zone, which only part of the tiles read, is truncated
    item = next(i for i in document["found"] if i["source"] == "sentinel2")
    broken = Path(survey.catalog.url).parent / item["assets"]["B04"]["href"]
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 3])
    try:
        with pytest.raises(
            DataError, match=r"cube: \d+ tile\(s\) failed because their data is bad"
        ) as caught:
            do(survey, "cube")
    finally:
        broken.write_bytes(whole)
    assert "B04" in str(caught.value)
    do(survey, "cube")


def test_a_model_is_carried_to_another_survey(
    finished: Path, tmp_path: Path, make_survey: Make, do: Do
) -> None:
    elsewhere = {"samples": {}, "assessment": {"areas": False}, "model": {"kind": "rf"}}
    base = make_survey(tmp_path / "store").model_dump() | elsewhere
    survey = Survey.model_validate(base | {"name": "other", "model": {
        "kind": "rf", "carried_from": str(finished)}})  # fmt: skip
    told = do(survey)
    assert told.done == list(stage_names(survey))
    assert not {"samples", "select", "train"} & set(told.done)
    # the ground is the same, so the map must be: another range of texture would show
    np.testing.assert_array_equal(*(whole_map(survey, at) for at in (finished, tmp_path / "store")))
    accuracy = json.loads((tmp_path / "store" / "products" / "accuracy.json").read_bytes())
    assert accuracy["splits"] == {}
    assert not accuracy["carried"]["measured_here"]
    assert set(accuracy["carried"]["measured_there"]) == {"spatial_blocks", "areas"}
    report = (tmp_path / "store" / "products" / "report.html").read_text()
    assert "ITS ACCURACY WAS NOT MEASURED HERE" in report
    with pytest.raises(StoreError, match="NOT MEASURED HERE"):
        _ = Results(Store(survey.store), survey).accuracy
    with pytest.raises(SurveyError, match=r"model\.kind: rf in the model, svm here"):
        do(survey.replace(model__kind="svm"))


def whole_map(survey: Survey, store: Path) -> npt.NDArray[np.float32]:
    """All layers of a map, (layer, y, x); NaN where there are none."""
    height, width = survey_grid(survey).shape
    return Store(str(store)).layers("map.zarr").read(Window(0, height, 0, width))


def test_samples_test_a_carried_model_and_adapt_it(
    finished: Path, tmp_path: Path, make_survey: Make, do: Do
) -> None:
    do(make_survey(finished))
    known = make_survey(tmp_path / "store").replace(model__carried_from=str(finished))
    with pytest.raises(DataError, match="samples: the carried model learned at each of them"):
        do(known, "assess")
    points = gpd.read_file(known.samples.paths[0]).to_crs(survey_grid(known).crs)
    points.geometry = points.translate(xoff=survey_grid(known).resolution)
    points.to_file(tmp_path / "beside.gpkg", driver="GPKG")
    survey = known.replace(samples__path=str(tmp_path / "beside.gpkg"))
    do(survey, "assess")
    accuracy = json.loads((tmp_path / "store" / "accuracy.json").read_bytes())
    facts = Ledger(Store(survey.store)).stage("carry")["facts"]
    losses = facts["log_loss"]
    gain = losses["as_it_came"] - losses["recalibrated"]
    assert facts["adapted"] == (gain > facts["standard_error"])
    assert accuracy["splits"]["spatial_blocks"]["samples"] == facts["points"]
    assert ("as_it_came" in accuracy["splits"]) == facts["adapted"]
    maps = [whole_map(survey, at) for at in (finished, tmp_path / "store")]
    assert np.array_equal(*maps, equal_nan=True) != facts["adapted"]
    do(survey.replace(model__adaptation="retrain"), "assess")
    facts = Ledger(Store(survey.store)).stage("carry")["facts"]
    losses = facts["log_loss"]
    assert facts["adapted"] == (losses["retrained"] < losses["as_it_came"])
    accuracy = json.loads((tmp_path / "store" / "accuracy.json").read_bytes())
    assert ("as_it_came" in accuracy["splits"]) == facts["adapted"]
    assert ("trained anew" in accuracy["protocol"]) == facts["adapted"]
