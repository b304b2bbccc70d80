"""The season network: what it reads, what is drawn in training, and that a tile is read whole."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float32Array
from minecover.engines.settings import EngineSettings
from minecover.errors import StoreError
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.lookup import as_kind, load_classifier
from minecover.models.network.classifier import NetworkClassifier
from minecover.models.network.networks import network_of
from minecover.models.network.season_shape import SeasonShape
from minecover.models.network.seasons import Hidden, Jitter
from minecover.models.registry import MODELS
from minecover.models.series import Place, SeriesLayout
from minecover.models.settings import ModelSettings
from minecover.models.standardise import Standardiser
from minecover.models.training import train
from minecover.prediction.blocks import predict_blocks
from minecover.storage.store import Store
from read_in_parts import read_in_parts

PLACES: tuple[Place, ...] = (
    ("spring", "NDVI"),
    ("spring", "VV"),
    ("autumn", "NDVI"),
    (None, "slope"),
)
"""Autumn has no VV."""

LAYOUT = SeriesLayout(PLACES, ("spring", "autumn"))
NAMES = tuple("_".join(filter(None, place)) for place in PLACES)
WINDOW = 5


@cache
def classifier(layout: SeriesLayout = LAYOUT) -> NetworkClassifier:
    shape = SeasonShape(layout, 3, WINDOW, width=0.25)
    torch.manual_seed(0)
    network = network_of(shape)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    for layer in (network.attention, network.classifier):
        layer.weight.data.normal_(std=0.05)  # type: ignore[union-attr, operator]
    layers = tuple("_".join(filter(None, place)) for place in layout.places)
    standardiser = Standardiser((1.0,) * len(layers), (2.0,) * len(layers))
    return NetworkClassifier(
        layers, (1, 2, 5), shape, network.state_dict(), standardiser, kind="seasons"
    )


def block(height: int, width: int, seed: int = 0) -> Float32Array:
    rng = np.random.default_rng(seed)
    return rng.normal(1.0, 2.0, (len(PLACES), height, width)).astype(np.float32)


def test_each_season_is_given_its_features_and_those_without_a_season() -> None:
    # features in the order of their first layer, then what has no season; 4: no such layer
    assert SeasonShape(LAYOUT, 3, WINDOW).order == ((0, 1, 3), (2, 4, 3))
    shape = SeasonShape(LAYOUT, 3, WINDOW, 0.5, 0.3, 0.0, 0.2)
    assert SeasonShape.from_json(3, shape.to_json()) == shape


def test_its_work_is_that_of_its_convolutions() -> None:
    shape = SeasonShape(LAYOUT, 3, WINDOW, width=0.25)
    network = network_of(shape)
    kernels = {
        name: module.weight.numel()
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Conv2d)
    }
    assert shape.weights == sum(kernels.values())
    # over a large block each is computed once a pixel, and the encoder and attention once a season
    seasonal = sum(n for name, n in kernels.items() if name.startswith(("encoder", "attention")))
    patch, once = shape.products(WINDOW)
    assert once == sum(kernels.values()) + seasonal
    # on a patch the first is computed on 5 x 5 pixels, the next on 3 x 3, all else on one
    first, second = kernels["encoder.stem.conv"], kernels["encoder.blocks.0.conv"]
    assert patch == once + 2 * (24 * first + 8 * second)


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 9), st.integers(1, 9))
def test_a_tile_is_read_as_its_parts_and_as_its_patches(row: int, column: int) -> None:
    model, x = classifier(), block(14, 14)
    whole = model.predict(x)
    assert whole.shape == (3, 10, 10)
    np.testing.assert_allclose(read_in_parts(model, x, row, column), whole, atol=1e-5)
    np.testing.assert_allclose(model.with_reading("patch").predict(x), whole, atol=1e-5)
    assert 0.4 < whole.max() < 0.999


def test_neither_memory_nor_threads_change_a_bit() -> None:
    model, x = classifier(), block(2 * 2 + 66, 2 * 2 + 20)
    expected = predict_blocks(model, x, 0)
    np.testing.assert_array_equal(predict_blocks(model, x, 2**30, threads=3), expected)


def test_it_sees_exactly_its_window() -> None:
    model, patch = classifier(), block(WINDOW + 2, WINDOW + 2)
    before = model.predict(patch)[:, 1, 1]
    outside, inside = patch.copy(), patch.copy()
    outside[:, 0] = outside[:, :, -1] = 9.0
    inside[:, 1, 1] = -9.0
    np.testing.assert_allclose(model.predict(outside)[:, 1, 1], before, atol=1e-6)
    assert np.abs(model.predict(inside)[:, 1, 1] - before).max() > 1e-4


@pytest.mark.parametrize("order", [(2, 1, 3, 0), (3, 0, 2, 1), (2, 3, 0, 1)])
def test_the_order_of_layers_is_nothing_to_it(order: tuple[int, ...]) -> None:
    turned = SeriesLayout(tuple(PLACES[number] for number in order), LAYOUT.seasons)
    x = block(8, 8)
    np.testing.assert_array_equal(
        classifier(turned).predict(x[list(order)]), classifier().predict(x)
    )


def test_features_are_jittered_in_training_alone() -> None:
    layer = Jitter(0.1)
    x = torch.ones(200, 2, 3, 2, 2)
    layer.seed(3, "cpu")
    drawn = layer(x)
    # 1 + a + b with independent a and b of deviation 0.1, the same over a sample's neighbourhood
    assert drawn.std().item() == pytest.approx(0.1 * 2**0.5, rel=0.1)
    assert (drawn == drawn[..., :1, :1]).all()
    layer.seed(3, "cpu")
    assert (layer(x) == drawn).all()
    assert layer.eval()(x) is x


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_some_seasons_are_hidden_in_training_and_never_all(share: float) -> None:
    layer = Hidden(share)
    layer.seed(0, "cpu")
    seen = layer(torch.zeros(1000, 4))
    assert seen.any(dim=1).all()
    # hidden with probability `share`, but that the last of four is left: share - share⁴ / 4
    expected = 1 - (share - share**4 / 4)
    assert seen.float().mean().item() == pytest.approx(expected, abs=0.02)
    assert layer.eval()(torch.zeros(5, 4)).all()


def series_data(count: int = 60) -> TrainingData:
    """Two classes that turn green in different seasons; by no layer alone are they told apart.

    NDVI is of any level, and higher in spring for one class and in autumn for the other.
    """
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    base = rng.uniform(-1, 1, count)
    patches = rng.normal(0, 0.05, (count, len(PLACES), WINDOW, WINDOW)).astype(np.float32)
    patches[:, 0] += (base + 0.5 * (labels == 0))[:, None, None]
    patches[:, 2] += (base + 0.5 * (labels == 1))[:, None, None]
    return TrainingData(patches, labels.astype(np.int64), NAMES, (7, 2), series=LAYOUT)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    settings = ModelSettings(
        kind="seasons", window=WINDOW, width=0.25, epochs=25, batch=16, learning_rate=5e-3,
        dropout=0, mixup=0,
    )  # fmt: skip
    engine = EngineSettings(training="local", workers=1, threads=1)
    return train(settings, engine, series_data(), None, tmp_path_factory.mktemp("training"))[0]


def test_the_course_of_a_feature_tells_classes_that_no_layer_does(trained: Classifier) -> None:
    data = series_data()
    for layer in range(len(PLACES)):
        order = data.centres[:, layer] > np.median(data.centres[:, layer])
        assert 0.2 < (order == data.labels).mean() < 0.8
    found = trained.predict_centres(data.patches).argmax(axis=1)
    assert (found == data.labels).mean() > 0.95


def test_a_saved_season_network_comes_back_the_same(trained: Classifier, tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    trained.save(store)
    again = load_classifier(store)
    assert (again.layers, again.classes, again.halo) == (NAMES, (7, 2), WINDOW // 2)
    x = block(12, 12)
    np.testing.assert_array_equal(again.predict(x), trained.predict(x))
    description = store.read_json("model/model.json")
    assert isinstance(description, dict)
    store.write_json("model/model.json", {**description, "window": 7})
    with pytest.raises(StoreError, match="another network"):
        load_classifier(store)


def test_the_plan_knows_its_work() -> None:
    kind = MODELS["seasons"]
    small, wide = (ModelSettings(kind="seasons", window=9, width=width) for width in (0.5, 1.0))
    assert kind.window(small) == 9
    for work in (
        lambda model: kind.training_units(model, 100, 6, epochs=3),
        lambda model: kind.reading_units(model, 100, 6),
        lambda model: kind.reading_memory(model, 100, 6),
    ):
        assert 0 < work(small) < work(wide)
    paper = MODELS["resnet50"]
    as_wide = as_kind(wide, "resnet50").replace(width=0.5)
    assert kind.reading_units(wide, 100, 6) < paper.reading_units(as_wide, 100, 6)


def test_another_kind_does_not_start_from_its_weights() -> None:
    given = ModelSettings(kind="seasons", starting_weights="start.safetensors")
    assert as_kind(given, "resnet50").starting_weights is None
    assert as_kind(given, "seasons").starting_weights == "start.safetensors"
