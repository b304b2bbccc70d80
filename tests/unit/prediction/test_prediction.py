"""Prediction of tiles into the map."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float32Array
from minecover.engines.local import LOCAL
from minecover.engines.settings import EngineSettings
from minecover.errors import DataError, StoreError
from minecover.geography.grid import Window
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.network.architecture import Architecture, kernel_sizes
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.network.layers import ResNet50
from minecover.models.settings import ModelSettings
from minecover.models.standardise import Standardiser
from minecover.models.training import train
from minecover.prediction.applicability import Applicability
from minecover.prediction.blocks import blocks_at_once, predict_blocks
from minecover.prediction.map_layers import map_arrays, map_attributes, map_layers
from minecover.prediction.refinement import Refinement
from minecover.prediction.smoothing import Smoothing
from minecover.samples.regions import Regions
from minecover.stages.predict import PREDICT, PredictJob
from minecover.storage.raster_array import names_of, stacked
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.testing import assert_same_bits

ENGINE = EngineSettings(training="local", prediction="local", workers=1, threads=1)
LAYERS = ("summer_NDVI", "summer_B4")


def network(folder: Path, layers: tuple[str, ...] = LAYERS) -> Classifier:
    rng = np.random.default_rng(0)
    labels = (np.arange(60) % 2).astype(np.int64)
    patches = rng.normal(0, 1, (60, len(layers), 5, 5)).astype(np.float32)
    patches[:, 0] += labels[:, None, None]
    data = TrainingData(patches, labels, layers, (3, 1))
    recipe = ModelSettings(window=5, width=0.125, epochs=3, batch=16)
    return train(recipe, ENGINE, data, None, folder)[0]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return network(tmp_path_factory.mktemp("training"))


def survey(tile: int = 32, **prediction: Any) -> Survey:
    return Survey.model_validate(
        {
            "name": "small",
            "area": {"bbox": [500000, 5400000, 500700, 5400500], "crs": "EPSG:32633"},
            "grid": {"crs": "EPSG:32633", "tile": tile},
            "seasons": {"summer": ["2021-06-01/2021-08-31"]},
            "catalog": {"url": "catalog.json"},
            "classes": [
                {"code": 3, "name": "water", "colour": "#0000ff"},
                {"code": 1, "name": "mine", "colour": "#ff0000"},
            ],
            "samples": {"path": "samples.gpkg"},
            "engine": ENGINE.model_dump(),
            "prediction": prediction,
        }
    )


def layer_names(plan: Survey) -> tuple[str, ...]:
    return names_of(map_arrays(plan.prediction, plan.class_codes))


def features(seed: int = 1) -> Float32Array:
    values = np.random.default_rng(seed).normal(0, 1, (2, 50, 70)).astype(np.float32)
    values[0, 10:14, 20:33] = np.nan
    return values


def applicability(layers: tuple[str, ...] = LAYERS) -> Applicability:
    rng = np.random.default_rng(5)
    samples = rng.normal(0, 0.8, (60, len(layers))).astype(np.float32)
    return Applicability.fit(samples, layers, np.array([1.0, 0.4]), np.arange(60) % 3)


def prepared(folder: Path, tile: int, model: Classifier, **prediction: Any) -> tuple[Store, Survey]:
    store, plan = Store(str(folder)), survey(tile, **prediction)
    grid = survey_grid(plan)
    # one layer the model does not read, and another order
    array = stacked(("summer_B4", "ntl", "summer_NDVI"))
    layers = store.create_layers("features.zarr", grid, [array], {})
    ndvi, red = features()
    for each in grid.tiles:
        rows, columns = grid.window(each).slices
        values = np.stack([red, np.full_like(red, np.nan), ndvi])[:, rows, columns]
        layers.write_tile(grid, each, values)
    Regions().save(store)
    model.save(store)
    applicability(model.layers).save(store)
    attributes = map_attributes(store, plan.prediction)
    arrays = map_arrays(plan.prediction, plan.class_codes)
    store.create_layers("map.zarr", grid, arrays, attributes)
    return store, plan


def predicted(
    folder: Path, tile: int, model: Classifier, memory: int | None, **prediction: Any
) -> Float32Array:
    store, plan = prepared(folder, tile, model, **prediction)
    job = PredictJob(store.url, plan, str(folder), memory)
    grid = survey_grid(plan)
    outcomes = list(LOCAL.run(ENGINE, pickle.loads(pickle.dumps(job)), grid.tiles))
    assert sum(int(outcome.facts["pixels"]) for outcome in outcomes) == 50 * 70
    height, width = grid.shape
    return store.layers("map.zarr").read(Window(0, height, 0, width))


def test_a_map_read_patch_by_patch_has_the_same_probabilities(
    model: Classifier, tmp_path: Path
) -> None:
    dense = predicted(tmp_path / "dense", 32, model, None)
    store, plan = prepared(tmp_path / "patch", 32, model)
    recipe = plan.model.model_copy(update={"reading": "patch"})
    job = PredictJob(store.url, plan.model_copy(update={"model": recipe}), "patch")
    list(LOCAL.run(ENGINE, job, survey_grid(plan).tiles))
    patch = store.layers("map.zarr").read(Window(0, 50, 0, 70))
    first = layer_names(plan).index("probability_water")
    assert np.isnan(patch[first]).sum() == 4 * 13
    np.testing.assert_allclose(patch[first:], dense[first:], atol=1e-4)


def test_tiles_of_any_size_give_the_same_map(tmp_path: Path, model: Classifier) -> None:
    whole = predicted(tmp_path / "whole", 128, model, None)
    tiled = predicted(tmp_path / "tiled", 32, model, 200_000)
    np.testing.assert_allclose(tiled[3:], whole[3:], atol=1e-4)
    np.testing.assert_allclose(tiled[1], whole[1], atol=1e-3)
    assert_same_bits(tiled[2], whole[2])
    clear = np.abs(whole[3] - whole[4]) > 1e-3
    np.testing.assert_array_equal(tiled[0][clear], whole[0][clear])
    padded = np.pad(features(), ((0, 0), (2, 2), (2, 2)), mode="reflect")
    np.testing.assert_allclose(whole[3:], model.predict(padded), atol=1e-4)


@pytest.mark.parametrize("borders", [{}, {"borders": 5, "border_features": ["B4"]}])
def test_tiles_of_any_size_give_the_same_refined_map(
    tmp_path: Path, model: Classifier, borders: dict[str, Any]
) -> None:
    how = {"smoothing": 5, "smoothness": 3.0, **borders}
    whole = predicted(tmp_path / "whole", 128, model, None, **how)
    tiled = predicted(tmp_path / "tiled", 32, model, 200_000, **how)
    np.testing.assert_allclose(tiled[3:], whole[3:], atol=1e-4)
    assert_same_bits(tiled[2], whole[2])
    plain = predicted(tmp_path / "plain", 128, model, None)
    assert_same_bits(plain[2], whole[2])
    assert (np.isnan(plain) == np.isnan(whole)).all()
    smoothing = Smoothing(("water", "mine"), 5, (3.0, 3.0), 0.5)
    refinement = Refinement.of(smoothing, survey(**how).prediction, ("summer_B4",) * bool(borders))
    inner = refinement(plain[3:], features(), LAYERS)
    halo = refinement.halo
    np.testing.assert_allclose(whole[3:, halo:-halo, halo:-halo], inner, atol=1e-4)
    np.testing.assert_array_equal(whole[0], np.where(whole[3] >= whole[4], 3, 1) + whole[1] * 0)


def test_dissimilarity_is_left_out_where_the_survey_says_so(
    tmp_path: Path, model: Classifier
) -> None:
    told = predicted(tmp_path / "told", 128, model, None)
    store, plan = prepared(tmp_path / "untold", 128, model, applicability=False)
    (tile,) = survey_grid(plan).tiles
    PredictJob(store.url, plan, "untold")(tile)
    layers = store.layers("map.zarr")
    assert layers.names == ("landuse", "entropy", "probability_water", "probability_mine")
    assert "applicability_threshold" not in layers.attributes
    untold = layers.read(survey_grid(plan).window(tile))
    assert_same_bits(untold, told[[0, 1, 3, 4]])
    store, plan = prepared(tmp_path / "with", 128, model)
    expected = applicability()
    assert store.layers("map.zarr").attributes["applicability_threshold"] == expected.threshold
    assert_same_bits(told[2], expected.dissimilarity(features()))


def test_parts_of_two_models_are_refused(tmp_path: Path, model: Classifier) -> None:
    store, plan = prepared(tmp_path, 128, model)
    (tile,) = survey_grid(plan).tiles
    applicability(LAYERS[::-1]).save(store)
    with pytest.raises(DataError, match="parts of two models"):
        PredictJob(store.url, plan, "two")(tile)
    store.remove("model/applicability.npy")
    with pytest.raises(StoreError, match="train again"):
        PredictJob(store.url, plan, "none")(tile)


def test_the_map_is_nodata_where_a_used_layer_is(tmp_path: Path, model: Classifier) -> None:
    store, plan = prepared(tmp_path, 128, model)
    (tile,) = survey_grid(plan).tiles
    facts = PredictJob(store.url, plan, str(tmp_path))(tile)
    written = store.layers("map.zarr").read(survey_grid(plan).window(tile))
    hole = np.isnan(features()[0])
    assert (np.isnan(written) == hole).all()
    assert facts == {"pixels": 3500, "nodata_share": round(hole.mean(), 6)}
    assert set(np.unique(written[0][~hole])) <= {1.0, 3.0}


@pytest.fixture(scope="module")
def wide() -> Classifier:
    """A network of as many channels as those whose kernels are picked by threads."""
    architecture = Architecture(2, 3, kernel_sizes(9), 0.5)
    torch.manual_seed(0)
    weights = ResNet50(architecture).state_dict()
    for name, values in weights.items():
        if name.endswith("norm.weight"):
            values.uniform_(0.5, 1.0)
    standardiser = Standardiser((0.0, 0.0), (1.0, 1.0))
    return NetworkClassifier(("a", "b"), (1, 2, 3), architecture, weights, standardiser)


@settings(deadline=None, max_examples=4)
@given(memory=st.integers(0, 2**30), threads=st.integers(1, 3), outside=st.integers(1, 3))
def test_neither_memory_nor_threads_change_a_bit(
    wide: Classifier, memory: int, threads: int, outside: int
) -> None:
    raster = np.random.default_rng(0).normal(0, 1, (2, 8 + 66, 8 + 12)).astype(np.float32)
    patches = np.lib.stride_tricks.sliding_window_view(raster[:, :9], (9, 9), axis=(1, 2))
    patches = np.ascontiguousarray(patches[:, 0].swapaxes(0, 1))
    expected = predict_blocks(wide, raster, 0), wide.predict_centres(patches)
    assert (expected[0].max(axis=0) < 0.999).mean() > 0.5  # not saturated
    before = torch.get_num_threads()
    torch.set_num_threads(outside)
    try:
        found = predict_blocks(wide, raster, memory, threads), wide.predict_centres(patches)
    finally:
        torch.set_num_threads(before)
    for one, other in zip(found, expected, strict=True):
        assert_same_bits(one, other)


def test_blocks_read_at_once_keep_within_the_memory_given(model: Classifier) -> None:
    one = (model.block_edge + 2 * model.halo) ** 2 * model.pixel_bytes
    counts = [blocks_at_once(model, memory) for memory in (1, one, 3 * one - 1, 3 * one)]
    assert counts == [1, 1, 2, 3]


def test_a_district_is_predicted_in_this_process_and_a_province_on_ray() -> None:
    unnamed = survey().replace(engine__prediction=None)
    east, north = 500000 + 10 * 1500, 5400000 + 10 * 1500
    wide = unnamed.replace(area={"bbox": [500000, 5400000, east, north], "crs": "EPSG:32633"})
    elsewhere = unnamed.replace(engine__ray_address="ray://head:10001")
    surveys = (unnamed, wide, elsewhere, survey())
    assert [PREDICT.engine(each) for each in surveys] == ["local", "ray", "ray", "local"]


def test_entropy_is_in_bits_and_the_class_is_a_code() -> None:
    probabilities = np.array([[[1.0, 0.5, 0.25, np.nan]], [[0.0, 0.5, 0.75, np.nan]]])
    layers = map_layers(probabilities.astype(np.float32), (7, 3))
    np.testing.assert_array_equal(layers[0], [[7, 7, 3, np.nan]])
    np.testing.assert_allclose(layers[1], [[0, 1, 0.811278, np.nan]], atol=1e-6)
    assert len(layers) == 4


def test_the_last_digit_of_entropy_is_that_of_float64() -> None:
    """NumPy's logarithm of float32 has another where a processor has AVX-512."""
    shares = np.random.default_rng(0).dirichlet(np.ones(5), (20, 30)).astype(np.float32)
    found = map_layers(shares.transpose(2, 0, 1), (1, 2, 3, 4, 5))[1]
    expected = [
        [-sum(p * math.log2(p) for p in map(float, pixel)) for pixel in row] for row in shares
    ]
    assert np.array_equal(found, np.array(expected, np.float32))


def test_layers_are_named_for_the_classes() -> None:
    names = ("landuse", "entropy", "dissimilarity", "probability_water", "probability_mine")
    assert layer_names(survey()) == names


def test_another_model_is_loaded_where_its_mark_differs(tmp_path: Path, model: Classifier) -> None:
    store, plan = prepared(tmp_path, 128, model)
    (tile,) = survey_grid(plan).tiles
    PredictJob(store.url, plan, "first")(tile)
    before = store.layers("map.zarr").read(survey_grid(plan).window(tile))
    network(tmp_path / "training", LAYERS[::-1]).save(store)
    applicability(LAYERS[::-1]).save(store)
    PredictJob(store.url, plan, "second")(tile)
    after = store.layers("map.zarr").read(survey_grid(plan).window(tile))
    assert np.nanmax(np.abs(after - before)) > 0.01


def test_a_model_of_other_layers_or_classes_is_refused(tmp_path: Path, model: Classifier) -> None:
    store, plan = prepared(tmp_path, 128, network(tmp_path / "training", ("VV", "VH")))
    (tile,) = survey_grid(plan).tiles
    with pytest.raises(DataError, match="no layer VV, VH"):
        PredictJob(store.url, plan, "layers")(tile)
    model.save(store)
    other = plan.model_copy(update={"classes": plan.classes[::-1]})
    with pytest.raises(DataError, match="train again"):
        PredictJob(store.url, other, "classes")(tile)
