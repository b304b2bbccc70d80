"""The stage of a survey in which its network learns without labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minecover.engines.base import TileJob
from minecover.kubernetes.jobs import jobs_of
from minecover.models.network.season_start import read_description
from minecover.models.registry import MODELS
from minecover.planning.constants import cost_key, is_measured, shipped
from minecover.planning.traffic import traffic
from minecover.planning.work import workload
from minecover.stages.pretrain import PRETRAIN, StoredGround, pretrain_network
from minecover.stages.registry import stage_names, stages_of
from minecover.storage.names import FEATURES_RASTER, FORMAT, PRETRAINED_FILE, SURVEY_FILE
from minecover.storage.raster_array import feature_array
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.survey.model_inputs import model_inputs
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts
from minecover.workflow.stage import StageContext, Workspace
from small_map import survey

MODEL = {"kind": "seasons", "window": 5, "width": 0.125}
STEPS = {"pretraining": {"steps": 3}}


def no_tiles(target: Target, job: TileJob) -> Facts:
    raise AssertionError(f"{job} on {target}: it has no tiles")


def plan(folder: Path, **model: object) -> Survey:
    """Two tiles and a part of others, of which an area of 40 x 100 pixels is made."""
    return survey(
        area={"bbox": [585420, 5648240, 586420, 5648640], "crs": "EPSG:32633"},
        grid={"crs": "EPSG:32633", "resolution": 10, "tile": 64},
        sources={"sentinel2": {}},
        features={"indices": ["NDVI"]},
        engine={"training": "local", "workers": 1, "threads": 1},
        model={**MODEL, **model},
        store=str(folder / "store"),
    )


@pytest.fixture(scope="module")
def its(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """A survey with its features: a season and feature has its number, and the column behind it."""
    made = plan(tmp_path_factory.mktemp("survey"), **STEPS)
    store, grid, layers = Store(made.store), survey_grid(made), made.feature_catalogue().layers
    store.write_json(SURVEY_FILE, {"format": FORMAT, "minecover": "0", "name": "small", "grid": {}})
    raster = store.create_layers(FEATURES_RASTER, grid, (feature_array(layers),), {})
    for tile in grid.tiles:
        window = grid.window(tile)
        columns = np.arange(window.x0, window.x1) / 1000
        values = np.arange(len(layers))[:, None, None] + np.zeros((window.shape[0], 1)) + columns
        raster.write_tile(grid, tile, values.astype(np.float32))
    return made


def context(its: Survey) -> StageContext:
    return StageContext(Workspace(its, (PRETRAIN,)), "pretrain", "1", no_tiles)


def test_surveys_without_it_have_no_such_stage(tmp_path: Path) -> None:
    without = plan(tmp_path)
    assert "pretrain" not in stage_names(without)
    assert stage_names(plan(tmp_path, **STEPS))[2:5] == ("features", "pretrain", "samples")
    assert model_inputs(without, ("summer_NDVI",)).pretrained is None


def test_the_network_is_kept_and_trainings_start_from_it(its: Survey) -> None:
    facts = pretrain_network(context(its))
    layers = its.feature_catalogue().names
    assert (facts["steps"], facts["layers"]) == (3, len(layers))
    assert [record["step"] for record in facts["rounds"]] == [3]
    data = Store(its.store).read(PRETRAINED_FILE)
    assert data is not None
    about = read_description(data, "file")
    assert (about["survey"], about["fingerprint"]) == ("small", "1")
    inputs = model_inputs(its, layers)
    assert inputs.series is not None
    assert about["series"] == inputs.series.to_json()
    # columns are 0 to 0.099 behind the number of a layer
    means = np.array(about["standardise"]["mean"])
    expected = [layers.index(name) + 0.05 for name in inputs.layers]
    np.testing.assert_allclose(means, expected, atol=0.02)
    chosen = model_inputs(its, ("summer_NDVI",))
    assert chosen.pretrained == its.store


def test_blocks_lie_in_tiles_and_are_drawn_everywhere(its: Survey) -> None:
    ground, rng = StoredGround(its.store, its, ()), np.random.default_rng(0)
    blocks = [ground.block(rng, 20, ("summer_NDVI",)) for _ in range(40)]
    assert {block.shape for block in blocks} == {(1, 20, 20)}
    number = its.feature_catalogue().names.index("summer_NDVI")
    first = np.array([block[0, 0, 0] for block in blocks])
    columns = np.round((first - number) * 1000)
    assert columns.min() < 10
    assert columns.max() > 70
    # one larger than the area repeats it mirrored
    assert np.isfinite(ground.block(rng, 130, ("summer_NDVI",))).all()


def test_what_is_for_training_alone_is_nothing_to_it(tmp_path: Path) -> None:
    def depends_on(**model: object) -> object:
        its = plan(tmp_path, **{**STEPS, **model})
        return PRETRAIN.depends_on(Workspace(its, stages_of(its)))

    same = depends_on()
    for key, value in {"epochs": 3, "mixup": 0.1, "members": 2, "batch": 9}.items():
        assert depends_on(**{key: value}) == same
    for key, value in {"seed": 3, "window": 7, "learning_rate": 0.1}.items():
        assert depends_on(**{key: value}) != same
    assert depends_on(pretraining={"steps": 4}) != same


def test_on_a_cluster_it_has_what_training_has(tmp_path: Path) -> None:
    jobs = {job.step: job for job in jobs_of(plan(tmp_path, **STEPS))}
    assert jobs["pretrain"].trains
    assert replace(jobs["pretrain"], step="train", command="train") == jobs["train"]


def test_the_plan_knows_its_work(tmp_path: Path) -> None:
    few, many = (plan(tmp_path, pretraining={"steps": steps}) for steps in (100, 200))
    work = workload(few, survey_grid(few))
    assert PRETRAIN.cost is not None
    assert 0 < 2 * PRETRAIN.cost.units(few, work) == PRETRAIN.cost.units(many, work)
    assert cost_key("pretrain", few) == "pretrain:seasons"
    assert is_measured("pretrain", few)
    assert is_measured("train", few)
    read = [traffic(its, work, shipped(), ["pretrain"])["pretrain"].read for its in (few, many)]
    assert 0 < 2 * read[0] == read[1]
    assert MODELS["seasons"].pretrains
