"""Models trained once more on what they are surest of, where that helps at other blocks."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import minecover as mc
from begun_store import begin_store, choose_layers
from minecover.accuracy.calibration import losses
from minecover.arrays import BoolArray, Float32Array
from minecover.engines.base import TileJob
from minecover.engines.settings import EngineSettings
from minecover.errors import SurveyError
from minecover.models.data import TrainingData
from minecover.models.lookup import load_classifier
from minecover.models.self_training import Unlabelled
from minecover.models.tuning import tune_and_train
from minecover.samples.sample_set import SampleSet
from minecover.stages.assess import assess_model
from minecover.stages.select import read_selection
from minecover.stages.self_training import (
    SelfTraining,
    outcome,
    places_to_learn_from,
    self_training_document,
)
from minecover.stages.train import TRAIN, train_model
from minecover.storage.names import ACCURACY_FILE, FEATURES_RASTER
from minecover.storage.raster_array import feature_array
from minecover.storage.store import Store
from minecover.survey.grid import survey_grid
from minecover.survey.model_inputs import model_inputs
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts
from minecover.workflow.stage import StageContext, Workspace
from small_map import CODES, survey

LAYERS = ("summer_NDVI", "winter_NDVI")
MEANS = np.array([(0.8, 0.6), (0.0, 0.1), (0.4, 0.35)])
"""NDVI of each class in both seasons."""

AREA = {"bbox": [500_000, 5_600_000, 500_640, 5_600_960], "crs": "EPSG:32633"}
SHAPE, FOLDS, EACH = (96, 64), 3, 9


def ground(rng: np.random.Generator, turned: bool) -> Float32Array:
    """Draw the features of all pixels, like the samples'; `turned`: as between two classes."""
    classes = rng.integers(0, 3, SHAPE)
    means = (MEANS + np.roll(MEANS, 1, axis=0)) / 2 if turned else MEANS
    values = means[classes] + rng.normal(0, 0.12, (*SHAPE, 2))
    return np.moveaxis(values, -1, 0).astype(np.float32)


def context(folder: Path, turned: bool = False, tile: int = 64, **model: Any) -> StageContext:
    """Begin a survey with few samples in three folds, whose layers are chosen."""
    settings = {"kind": "svm", "self_training": {}, **model}
    its = survey(
        store=str(folder),
        area=AREA,
        grid={"crs": "EPSG:32633", "tile": tile},
        model=settings,
        samples={"path": "samples.gpkg", "folds": FOLDS},
        engine={"training": "local", "workers": 1, "threads": 1},
    )
    rng, count, store = np.random.default_rng(1), EACH * len(CODES), Store(str(folder))
    number = np.repeat(np.arange(len(CODES)), EACH)
    fold = np.arange(count) % FOLDS
    rows, columns = 30 * fold + 2 * (np.arange(count) // FOLDS), np.full(count, 5)
    values = ground(rng, turned)
    values[:, rows, columns] = (MEANS[number] + rng.normal(0, 0.12, (count, 2))).T
    names = {code: name for name, code in its.class_codes.items()}
    codes = np.array(CODES)[number]
    head = {"id": np.arange(count), "x": 0.0, "y": 0.0, "row": rows, "col": columns}
    labels = {"code": codes, "name": [names[c] for c in codes], "polygon": -1, "region": ""}
    block = 10 * fold + np.arange(count) // FOLDS % 9
    folds = {"block": block, "block_fold": fold, "random_fold": fold}
    layers = dict(zip(LAYERS, values[:, rows, columns], strict=True))
    begin_store(store, pd.DataFrame({**head, **labels, **folds, **layers}))
    choose_layers(store, LAYERS)
    catalogue, grid = its.feature_catalogue(), survey_grid(its)
    raster = store.create_layers(
        FEATURES_RASTER, grid, (feature_array([catalogue[name] for name in LAYERS]),), {}
    )
    for one in grid.tiles:
        raster.write_tile(grid, one, values[:, *grid.window(one).slices])
    return StageContext(Workspace(its, (TRAIN,)), "train", "0", no_tiles)


def no_tiles(target: Target, job: TileJob) -> Facts:
    raise AssertionError(f"{job} on {target}: training has no tiles")


def model_of(context: StageContext) -> dict[str, bytes | None]:
    store = context.workspace.store
    return {key: store.read(key) for key in store.names("model/")}


def test_it_is_kept_where_samples_of_other_blocks_become_more_likely(tmp_path: Path) -> None:
    with_pixels, without = context(tmp_path / "a"), context(tmp_path / "b", self_training=None)
    facts = train_model(with_pixels)["self_training"]
    assert facts["taken"]
    assert facts["points"] == EACH * len(CODES)
    assert facts["log_loss"]["self_trained"] < facts["log_loss"]["labelled"]
    assert facts["pixels"] == dict.fromkeys(with_pixels.workspace.survey.class_codes, EACH)
    assert "self_training" not in train_model(without)
    fresh = ground(np.random.default_rng(9), turned=False)  # nobody saw it
    truth = np.random.default_rng(9).integers(0, 3, SHAPE)
    found = []
    for one in (with_pixels, without):
        read = load_classifier(one.workspace.store).predict(fresh)
        found.append(losses(read.reshape(3, -1).T, truth.ravel()).mean())
    assert found[0] < found[1]


def test_models_that_are_tested_learn_from_pixels_of_their_own_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = context(tmp_path / "a")
    facts = train_model(begun)
    begun.workspace.ledger.finish_stage("train", "0", 0, facts=facts, seconds=1.0)
    learned: list[tuple[int, int]] = []
    real = SelfTraining.taught

    def note(self: SelfTraining, first: Any, tuned: Any, data: Any, blocks: Any) -> Any:
        last, used = real(self, first, tuned, data, blocks)
        learned.append((len(data.labels), int(used.sum())))
        return last, used

    monkeypatch.setattr(SelfTraining, "taught", note)
    assess_model(begun)
    # a fold of three in the random split and one of the blocks: 18 samples and as many pixels
    assert learned == [(18, 18), (18, 18)]
    document = begun.workspace.store.read_json(ACCURACY_FILE)
    assert document["self_training"]["regions"] == {"": facts["self_training"]}


HARMFUL = {"kind": "nb", "self_training": {"share": 4, "weight": 1}}
"""Normal distributions, of so many pixels near their means that they have hardly any spread."""


def test_it_is_given_up_where_it_harms(tmp_path: Path) -> None:
    with_pixels = context(tmp_path / "a", turned=True, **HARMFUL)
    facts = train_model(with_pixels)["self_training"]
    assert not facts["taken"]
    assert facts["log_loss"]["self_trained"] > facts["log_loss"]["labelled"]
    assert "pixels" not in facts
    without = context(tmp_path / "b", turned=True, kind="nb", self_training=None)
    train_model(without)
    assert model_of(with_pixels) == model_of(without)


def test_tiles_of_another_size_give_the_same_model(tmp_path: Path) -> None:
    contexts = [context(tmp_path / str(tile), tile=tile) for tile in (64, 32)]
    facts = [train_model(one) for one in contexts]
    assert facts[0]["self_training"]["taken"]
    assert facts[0] == facts[1]
    assert model_of(contexts[0]) == model_of(contexts[1])


def further(context: StageContext, folder: Path) -> tuple[SelfTraining, TrainingData, SampleSet]:
    """Prepare what the stage prepares."""
    workspace = context.workspace
    its, samples = workspace.survey, SampleSet.read(workspace.store)
    inputs, places = model_inputs(its, LAYERS, LAYERS), places_to_learn_from(workspace)
    assert places is not None
    features = partial(workspace.store.layers, FEATURES_RASTER)
    selection = read_selection(workspace)
    training = SelfTraining.of(its, places, "", inputs, features, selection, folder)
    patches = samples.patches(inputs.layers, inputs.window, features)
    return training, TrainingData.labelled(patches, samples.codes, inputs, CODES), samples


def test_labels_of_a_fold_are_nothing_to_the_models_that_are_tested_on_it(tmp_path: Path) -> None:
    begun = context(tmp_path / "a", kind="nb")
    training, data, samples = further(begun, tmp_path)
    read: list[Float32Array] = []

    def note(self: Unlabelled, use: BoolArray) -> Unlabelled:
        chosen = part(self, use)
        read.append(chosen.patches)
        return chosen

    part = Unlabelled.part
    first = samples.folds("block").fold == 0
    turned = data.labels.copy()
    turned[first] = (turned[first] + 1) % 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Unlabelled, "part", note)
        right = training.tried(data, samples, 0)
        wrong = training.tried(replace(data, labels=turned), samples, 0)
    np.testing.assert_array_equal(read[0], read[1])  # pixels that may be chosen from
    assert sum(right["points"]) == sum(wrong["points"]) == first.sum()
    # the same models: what they lose by wrong labels is what they were sure of
    assert sum(wrong["labelled"]) > sum(right["labelled"]) + 5
    assert sum(wrong["self_trained"]) > sum(right["self_trained"]) + 5


def test_no_pixel_is_learned_from_that_is_unlike_the_samples(tmp_path: Path) -> None:
    begun = context(tmp_path / "a")
    training, data, samples = further(begun, tmp_path)
    far = training.pixels.patches + np.float32(5)
    strange = replace(training, pixels=replace(training.pixels, patches=far))
    first, tuned, _ = tune_and_train(
        begun.workspace.survey.model, EngineSettings(), data, None, tmp_path
    )
    same, used = strange.taught(first, tuned, data, samples.blocks)
    assert same is first
    assert used.tolist() == [0, 0, 0]


def test_samples_and_what_lies_around_them_are_not_drawn(tmp_path: Path) -> None:
    network = {"kind": "seasons", "window": 7, "width": 0.25}
    workspace = context(tmp_path / "a", **network).workspace
    places = places_to_learn_from(workspace)
    assert places is not None
    assert len(places) > 100
    table = SampleSet.read(workspace.store).table
    apart = np.abs(places[["row", "col"]].to_numpy()[:, None] - table[["row", "col"]].to_numpy())
    assert apart.max(axis=2).min() == 7  # no patch of 7 x 7 pixels shares one with a sample's
    off = workspace.survey.replace(model__self_training=None)
    assert places_to_learn_from(Workspace(off, (TRAIN,))) is None


def test_a_fold_that_was_tried_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    real = SelfTraining.tried

    def dies(self: SelfTraining, data: TrainingData, samples: SampleSet, fold: int) -> Any:
        tried.append(fold)
        if len(tried) == 3:
            raise KeyboardInterrupt
        return real(self, data, samples, fold)

    monkeypatch.setattr(SelfTraining, "tried", dies)
    begun = context(tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        train_model(begun)
    again = train_model(begun)
    assert tried == [0, 1, 2, 2]
    monkeypatch.undo()
    assert train_model(context(tmp_path / "b")) == again


NOTHING: dict[str, list[float]] = {"points": [], "labelled": [], "self_trained": []}
"""Of a fold without which a class has no sample."""


def test_where_no_fold_can_be_left_out_it_is_not_tried() -> None:
    assert outcome([NOTHING, NOTHING]) == {"taken": False, "points": 0}


def test_a_gain_counts_where_it_is_more_than_its_standard_error_over_blocks() -> None:
    folds = [
        {"points": [2, 3], "labelled": [2.0, 4.0], "self_trained": [1.0, 2.0]},
        NOTHING,
        {"points": [5], "labelled": [4.0], "self_trained": [4.0]},
    ]
    # gains of blocks: 1, 2, 0; their deviation is 1, and that of their sum the root of 3
    expected = {"labelled": 1.0, "self_trained": 0.7}
    error = round(3**0.5 / 10, 6)
    assert outcome(folds) == {
        "taken": True, "points": 10, "log_loss": expected, "standard_error": error
    }  # fmt: skip
    # one block that gains 3 and two that gain nothing or lose 0.3: the deviation of the sum is
    # the root of 3 * (2.1**2 + 0.9**2 + 1.2**2) / 2, and more than that
    one = {"points": [2, 3, 5], "labelled": [4.0, 2.0, 4.0], "self_trained": [1.0, 2.0, 4.3]}
    found = outcome([one])
    assert not found["taken"]
    assert found["log_loss"] == {"labelled": 1.0, "self_trained": 0.73}
    assert found["standard_error"] == pytest.approx(0.316, abs=1e-3)


def test_the_outcome_is_said_in_a_sentence(tmp_path: Path) -> None:
    begun = context(tmp_path / "a")
    losses = {"labelled": 0.51, "self_trained": 0.39}
    taken = {
        "taken": True,
        "points": 27,
        "log_loss": losses,
        "standard_error": 0.1,
        "pixels": {"water": 4, "mine": 5},
    }
    ledger = begun.workspace.ledger
    gained = r"0.510 without and 0.390 with them \(standard error .* 0.100\) at 27 samples"
    for facts, said in (
        (taken, f"learned from 9 pixels, too, .* {gained}"),
        ({**taken, "taken": False}, "tried and not kept: log loss 0.510 without"),
        ({"taken": False, "points": 0}, "was not tried: too few spatial folds"),
    ):
        ledger.finish_stage("train", "0", 0, facts={"self_training": facts}, seconds=1.0)
        document = self_training_document(begun.workspace)["self_training"]
        assert re.search(said, document["statement"])
        assert document["regions"] == {"": facts}


def test_a_kind_that_does_not_weigh_is_refused(tmp_path: Path) -> None:
    workspace = context(tmp_path / "a", kind="knn").workspace
    with pytest.raises(SurveyError, match=r"model\.self_training: knn .* take another kind"):
        list(TRAIN.check(workspace))


def test_samples_without_a_survey_have_no_ground_to_learn_from() -> None:
    table = pd.DataFrame({"class": ["a", "b"], "NDVI": [0.1, 0.9]})
    with pytest.raises(SurveyError, match="self_training: for the ground of a survey"):
        mc.train(table, kind="nb", self_training={})
