"""A carried model trained anew, on the samples it came with and on those of another survey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from begun_store import begin_store, choose_layers
from minecover.arrays import Float32Array, Int64Array
from minecover.engines.base import TileJob
from minecover.engines.settings import EngineSettings
from minecover.errors import DataError, StoreError, SurveyError
from minecover.models.data import TrainingData
from minecover.models.lookup import load_classifier
from minecover.models.origin import Origin
from minecover.models.training import train
from minecover.prediction.applicability import Applicability
from minecover.samples.sample_set import SampleSet, parquet_bytes
from minecover.stages.assess_carried import carried_document, carried_results
from minecover.stages.carry import CARRY, around, carried_points, carry_model
from minecover.stages.retraining import (
    HeldOut,
    balanced,
    check_samples_there,
    held_out_probabilities,
    joint_samples,
    keep_retrained,
    retrained_without_folds,
)
from minecover.storage.names import (
    FEATURES_RASTER,
    SAMPLES_FILE,
    SELECTION_FILE,
)
from minecover.storage.raster_array import feature_array
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.carried import origin_of
from minecover.survey.grid import survey_grid
from minecover.survey.model_inputs import model_inputs
from minecover.validation.carried_points import CarriedPoints
from minecover.validation.learned_places import LearnedPlaces
from minecover.validation.refined import refinement_of
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts
from minecover.workflow.stage import StageContext, Workspace
from small_map import CODES, grid, survey

LAYERS = ("summer_NDVI", "winter_NDVI")
FOLDS, EACH = 3, 20
MEANS = {2: (0.8, 0.6), 3: (0.0, 0.1), 7: (0.3, 0.3)}
"""NDVI of each class in both seasons where the model learns."""


def test_few_samples_of_a_class_weigh_as_much_together_as_the_many() -> None:
    labels = np.array([0, 0, 0, 1, 1, 0, 1, 1, 1, 1])
    here = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], dtype=bool)
    weights = balanced(labels, here)
    # three of class 0 there for one here, two of class 1 there for four here
    np.testing.assert_allclose(weights, [1, 1, 1, 1, 1, 3, 0.5, 0.5, 0.5, 0.5])


def test_a_single_sample_is_not_as_loud_as_all_of_its_class() -> None:
    labels, here = np.zeros(8, dtype=np.int64), np.arange(8) == 7
    np.testing.assert_allclose(balanced(labels, here), [1, 1, 1, 1, 1, 1, 1, 5])


def test_a_class_without_samples_here_keeps_those_there() -> None:
    weights = balanced(np.array([0, 1, 1]), np.array([False, False, True]))
    np.testing.assert_allclose(weights, [1, 1, 1])


def samples(shift: float, seed: int, each: int = EACH) -> pd.DataFrame:
    """Draw points of each class in three folds; `shift`: of NDVI against where the model learns."""
    rng, count = np.random.default_rng(seed), each * len(CODES)
    codes = np.repeat(CODES, each)
    values = np.array([MEANS[code] for code in codes]) + rng.normal(shift, 0.03, (count, 2))
    fold = np.arange(count) % FOLDS
    rows = 30 * fold + np.arange(count) // FOLDS  # folds lie apart
    place = {"x": 10_000.0 * seed, "y": 10.0 * np.arange(count)}  # surveys lie apart
    head = {"id": np.arange(count), **place, "row": rows, "col": 0}
    names = {code: name for name, code in survey().class_codes.items()}
    labels = {"code": codes, "name": [names[code] for code in codes], "polygon": "", "region": ""}
    folds = {"block": fold, "block_fold": fold, "random_fold": fold}
    return pd.DataFrame({**head, **labels, **folds, **dict(zip(LAYERS, values.T, strict=True))})


def begun(folder: Path, table: pd.DataFrame) -> Store:
    """Make a store that has samples, and the features that they lie on."""
    store = Store(str(folder))
    begin_store(store, table, folder.name)
    catalogue, ground = survey().feature_catalogue(), grid((96, 64), 96)
    arrays = (feature_array([catalogue[name] for name in LAYERS]),)
    values = np.zeros((len(LAYERS), 96, 64), dtype=np.float32)
    values[:, table["row"], table["col"]] = table[list(LAYERS)].to_numpy().T
    layers = store.create_layers(FEATURES_RASTER, ground, arrays, {})
    layers.write_tile(ground, next(iter(ground.tiles)), values)
    return store


def trained(folder: Path, **model: object) -> Survey:
    """Train where NDVI is as in `MEANS`; give the survey, with the model in its store."""
    its = survey(name="there", store=str(folder), model=model)
    store = begun(folder, samples(0.0, 0))
    inputs, read = model_inputs(its, LAYERS, LAYERS), SampleSet.read(store)
    patches = read.patches(LAYERS, inputs.window, partial(store.layers, FEATURES_RASTER))
    data = TrainingData.labelled(patches, read.codes, inputs, CODES)
    train(its.model, EngineSettings(training="local"), data, None, folder)[0].save(store)
    origin_of(its, LAYERS, dict.fromkeys(its.class_codes, EACH)).save(store)
    LearnedPlaces.of(its, read, survey_grid(its).crs).save(store)
    choose_layers(store, LAYERS)
    return its


def carried(
    folder: Path,
    shift: float,
    adaptation: str = "retrain",
    model: Mapping[str, object] = MappingProxyType({"kind": "nb"}),
    prediction: Mapping[str, object] = MappingProxyType({"applicability": False}),
    **here: object,
) -> StageContext:
    """Begin another survey where NDVI is higher by `shift`, with a few samples of each class."""
    there = trained(folder / "there", **model)
    settings = {**model, "carried_from": there.store, "adaptation": adaptation, **here}
    its = survey(
        name="here",
        store=str(folder / "here"),
        model=settings,
        prediction={**prediction, "applicability": False},
    )
    begun(folder / "here", samples(shift, 1, each=6))
    return StageContext(Workspace(its, (CARRY,)), "carry", "0", no_tiles)


def no_tiles(target: Target, job: TileJob) -> Facts:
    raise AssertionError(f"{job} on {target}: carrying has no tiles")


@pytest.fixture
def shifted(tmp_path: Path) -> StageContext:
    """Where every class has the NDVI that the next one has where the model learned."""
    return carried(tmp_path, 0.25)


def test_it_is_retrained_where_the_ground_looks_otherwise(shifted: StageContext) -> None:
    workspace, facts = shifted.workspace, carry_model(shifted)
    assert facts["adapted"]
    assert facts["log_loss"]["retrained"] < facts["log_loss"]["as_it_came"]
    points = carried_points(workspace)
    held_out, on_map = held_out_probabilities(workspace.store)
    np.testing.assert_array_equal(on_map, held_out)  # nothing is smoothed, no share is known
    came, crossed = (
        read.argmax(axis=1) == points.labels for read in (points.probabilities, held_out)
    )
    assert crossed.mean() > came.mean() + 0.2
    again = load_classifier(workspace.store).predict_centres(
        points.samples.values(LAYERS)[:, :, None, None]
    )
    assert (again.argmax(axis=1) == points.labels).mean() >= crossed.mean()
    known = Applicability.load(workspace.store)
    assert len(known.samples) == len(CODES) * (EACH + 6)  # those there and those here


def without_folds(context: StageContext, points: CarriedPoints) -> HeldOut:
    joint, beside = joint_samples(context.workspace, points), around(context.workspace, points)
    return retrained_without_folds(context, points, joint, beside)


def test_no_fold_is_read_by_a_model_that_learned_from_it(shifted: StageContext) -> None:
    points = carried_points(shifted.workspace)
    whole = without_folds(shifted, points).as_learned
    table = points.samples.table.copy()
    first = np.asarray(points.folds == 0)
    # classes of fold 0 turned round: only models that read other folds may notice
    table.loc[first, "code"] = table.loc[first, "code"].to_numpy()[::-1]
    turned = replace(points, samples=SampleSet(table, points.samples.layers))
    other = without_folds(shifted, turned).as_learned
    np.testing.assert_array_equal(other[first], whole[first])
    assert (other[~first] != whole[~first]).any()


def test_it_is_left_as_it_came_where_it_is_sure_and_right(tmp_path: Path) -> None:
    context = carried(tmp_path, 0.0)
    facts = carry_model(context)
    assert facts["log_loss"]["as_it_came"] == 0
    assert not facts["adapted"]
    there, here = Store(str(tmp_path / "there")), context.workspace.store
    assert set(here.names("model/")) == set(there.names("model/"))
    assert all(here.read(key) == there.read(key) for key in there.names("model/"))


def test_samples_that_the_model_did_not_learn_from_are_refused(shifted: StageContext) -> None:
    survey_here = shifted.workspace.survey
    assert check_samples_there(survey_here) == (
        "model: trained anew with the 60 samples that it came with"
    )
    there = Store(str(survey_here.model.carried_from))
    there.write(SAMPLES_FILE, parquet_bytes(samples(0.0, 0, each=EACH - 1)))
    with pytest.raises(SurveyError, match=r"57 of the 60 samples .* in survey 'there'"):
        check_samples_there(survey_here)


@pytest.fixture(scope="module")
def of_patches(tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """A network that sees 5 x 5 pixels, trained for two epochs."""
    settings = {"kind": "seasons", "window": 5, "width": 0.25, "epochs": 2}
    return carried(tmp_path_factory.mktemp("patches"), 0.25, model=settings)


def test_patches_are_cut_around_the_samples_of_either_survey(of_patches: StageContext) -> None:
    points = carried_points(of_patches.workspace)
    joint = joint_samples(of_patches.workspace, points)
    held_out = without_folds(of_patches, points)
    np.testing.assert_allclose(held_out.plain.sum(axis=1), 1, rtol=1e-5)
    store = of_patches.workspace.store
    selection = Store(str(of_patches.workspace.survey.model.carried_from)).read(SELECTION_FILE)
    assert selection is not None
    store.write(SELECTION_FILE, selection)
    keep_retrained(of_patches, joint, held_out)
    assert load_classifier(store).halo == 2
    np.testing.assert_array_equal(held_out_probabilities(store)[0], held_out.plain)
    known = Applicability.load(store)
    there = SampleSet.read(Store(str(of_patches.workspace.survey.model.carried_from)))
    both = np.concatenate([there.values(LAYERS), points.samples.values(LAYERS)])
    np.testing.assert_allclose(known.samples / known.scale + known.mean, both, atol=1e-5)


def test_patches_need_the_features_there(of_patches: StageContext) -> None:
    here = of_patches.workspace.survey
    assert check_samples_there(here).startswith("model: trained anew with the 60 samples")
    Store(str(here.model.carried_from)).delete(FEATURES_RASTER)
    with pytest.raises(DataError, match=r"features around the samples .* features\.keep: all"):
        check_samples_there(here)


@pytest.mark.parametrize(("gaining", "kept"), [((0,), False), ((0, 1, 2), True)])
def test_it_is_recalibrated_where_blocks_gain_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gaining: tuple[int, ...], kept: bool
) -> None:
    context = carried(tmp_path, 0.12, "recalibrate")
    points = carried_points(context.workspace)

    def cross_fitted(
        read: Float32Array, labels: Int64Array, *_: object, biased: bool
    ) -> Float32Array:
        """Surer of the labels in some blocks, and a little less sure in the others."""
        here = np.isin(points.samples.blocks, gaining)[:, None]
        sure = np.eye(len(CODES))[labels]
        return np.where(here, (read + sure) / 2, 0.95 * read + 0.05 / 3).astype(np.float32)

    monkeypatch.setattr("minecover.stages.carry.cross_fitted", cross_fitted)
    facts = carry_model(context)
    assert facts["log_loss"]["recalibrated"] < facts["log_loss"]["as_it_came"]
    assert facts["adapted"] == kept
    again = load_classifier(context.workspace.store).predict_centres(
        points.samples.values(LAYERS)[:, :, None, None]
    )
    # no point is of another class
    np.testing.assert_array_equal(again.argmax(axis=1), points.probabilities.argmax(axis=1))


@pytest.mark.parametrize("adaptation", ["none", "recalibrate", "retrain"])
def test_samples_that_the_model_knows_are_neither_fitted_to_nor_tested(
    tmp_path: Path, adaptation: str
) -> None:
    context = carried(tmp_path, 0.25, adaptation)
    store, table = context.workspace.store, samples(0.25, 1, each=6)
    known = table["id"].isin([0, 7, 17]).to_numpy()
    table.loc[known, "x"] = 0.0  # where samples of the other survey lie
    store.write(SAMPLES_FILE, parquet_bytes(table))
    facts = carry_model(context)
    assert facts["known"] == 3
    context.workspace.ledger.finish_stage("carry", "0", 0, facts=facts, seconds=1.0)
    results = carried_results(context.workspace)
    tested = np.concatenate([points.rows for points in results.values()])
    assert set(tested) == set(np.flatnonzero(~known))
    document = carried_document(context.workspace, results)["carried"]
    assert "It learned where 3 others lie" in document["statement"]
    if facts.get("adapted"):  # and carried on, it knows those that it was adapted to
        assert LearnedPlaces.load(store).longitude.size == len(CODES) * (EACH + 6) - 3
    table["x"] = 0.0
    store.write(SAMPLES_FILE, parquet_bytes(table))
    with pytest.raises(DataError, match="samples: the carried model learned at each of them"):
        carried_points(context.workspace)


def test_damaged_probabilities_are_named(shifted: StageContext) -> None:
    store = shifted.workspace.store
    store.write("model/carried_points.safetensors", b"{}")
    with pytest.raises(StoreError, match=r"carried_points\.safetensors: damaged"):
        held_out_probabilities(store)


def test_a_model_that_was_trained_anew_is_trained_anew_once_more(
    shifted: StageContext, tmp_path: Path
) -> None:
    """From the survey it was carried to, whose store has all samples that it learned from."""
    carry_model(shifted)
    second = shifted.workspace.survey
    known = Origin.load(Store(second.store))
    assert known.survey == "here"
    assert dict(known.points) == dict.fromkeys(second.class_codes, EACH + 6)
    assert known.shares == pytest.approx(dict.fromkeys(second.class_codes, 1 / 3))
    settings = {"kind": "nb", "carried_from": second.store, "adaptation": "retrain"}
    its = survey(name="third", store=str(tmp_path / "third"), model=settings)
    begun(tmp_path / "third", samples(0.5, 2, each=6))
    count = len(CODES) * (EACH + 6)
    assert f"the {count} samples that it came with" in check_samples_there(its)
    context = StageContext(Workspace(its, (CARRY,)), "carry", "0", no_tiles)
    joint = joint_samples(context.workspace, carried_points(context.workspace))
    assert len(joint.data.labels) == count + len(CODES) * 6
    there = SampleSet.read(Store(str(tmp_path / "there"))).values(LAYERS)
    np.testing.assert_array_equal(joint.data.centres[: len(there)], there)
    assert carry_model(context)["from"] == "here"
    assert sum(Origin.load(context.workspace.store).points.values()) == count + len(CODES) * 6


SHARES = {2: 0.7, 3: 0.1, 7: 0.2}


@pytest.mark.parametrize("adaptation", ["none", "recalibrate", "retrain"])
def test_probabilities_are_moved_to_the_shares_of_the_new_ground(
    tmp_path: Path, adaptation: str
) -> None:
    """Odds change by the ratio of the shares; learned were as many of each class."""
    plain = carried(tmp_path / "plain", 0.12, adaptation)
    moved = carried(tmp_path / "moved", 0.12, adaptation, class_shares=SHARES, prior_shift=0.5)
    facts = [carry_model(context) for context in (plain, moved)]
    assert facts[0] == facts[1]
    patches = carried_points(plain.workspace).samples.values(LAYERS)[:, :, None, None]
    before, after = (
        load_classifier(context.workspace.store).predict_centres(patches).astype(np.float64)
        for context in (plain, moved)
    )
    expected = np.maximum(before, 1e-12) * (np.array(list(SHARES.values())) * 3) ** 0.5
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(after, expected, atol=1e-5)
    origin = Origin.load(moved.workspace.store)
    root = np.array(list(SHARES.values())) ** 0.5
    shares = [origin.shares[name] for name in moved.workspace.survey.class_codes]
    assert shares == pytest.approx(list(root / root.sum()), abs=1e-6)
    stored = carried_results(moved.workspace)["spatial_blocks"]
    if adaptation == "none":
        np.testing.assert_allclose(stored.map_probabilities, expected, atol=1e-5)
    assert CARRY.depends_on(plain.workspace) != CARRY.depends_on(moved.workspace)


@pytest.mark.parametrize("adaptation", ["none", "recalibrate", "retrain"])
def test_points_are_tested_on_the_map_as_it_is_smoothed(tmp_path: Path, adaptation: str) -> None:
    """Alone on ground of NDVI 0, every point is taken for what lies around it: water."""
    context = carried(tmp_path, 0.12, adaptation, prediction={"smoothing": 5, "smoothness": 500})
    context.workspace.ledger.finish_stage("carry", "0", 0, facts=carry_model(context), seconds=1.0)
    results = carried_results(context.workspace)
    found = results["spatial_blocks"]
    read = load_classifier(context.workspace.store)
    lonely = refinement_of(context.workspace.survey, read.classes, 5)
    patches = around(context.workspace, carried_points(context.workspace)).patches
    if adaptation == "none":
        np.testing.assert_array_equal(found.map_probabilities, lonely.at(read, patches))
    assert (found.mapped != found.plain).any()
    document = carried_document(context.workspace, results)
    assert document["smoothing"]["points"] == len(found.rows)
    assert "smoothed as the map is" in document["protocol"]
