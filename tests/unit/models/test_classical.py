"""The classical models, and all of them behind one interface."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import dask
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from minecover.arrays import Float32Array
from minecover.engines.settings import EngineSettings
from minecover.errors import DataError, StoreError
from minecover.models.classical import ClassicalKind
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.lookup import load_classifier
from minecover.models.registry import MODELS
from minecover.models.scikit import ScikitClassifier
from minecover.models.series import SeriesLayout
from minecover.models.settings import ModelSettings
from minecover.models.training import train
from minecover.storage.store import Store

ENGINE = EngineSettings(training="local", workers=1, threads=1)
KINDS = MODELS.own_names()
CLASSICAL = tuple(name for name in KINDS if isinstance(MODELS[name], ClassicalKind))
CLASSES = (7, 2, 40)


def levels(n: int = 90, seed: int = 0) -> TrainingData:
    """Three classes by the level of the first of two layers; codes in no order."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    patches = rng.normal(0, 0.1, (n, 2, 5, 5)).astype(np.float32)
    patches[:, 0] += labels[:, None, None]
    series = SeriesLayout((("spring", "level"), ("spring", "noise")), ("spring",))
    return TrainingData(patches, labels.astype(np.int64), ("level", "noise"), CLASSES, None, series)


def stripes() -> Float32Array:
    """A block of three stripes of 8 columns, one of each class."""
    rng = np.random.default_rng(5)
    block = rng.normal(0, 0.1, (2, 12, 24)).astype(np.float32)
    block[0] += np.repeat([0.0, 1.0, 2.0], 8)
    return block


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Classifier]:
    """Give the model of a kind, which is trained once."""
    return cache(lambda kind: fit(kind, tmp_path_factory.mktemp("training")))


@pytest.fixture(params=KINDS)
def fitted(request: pytest.FixtureRequest, known: Callable[[str], Classifier]) -> Classifier:
    return known(request.param)


def fit(kind: str, folder: Path) -> Classifier:
    width = 0.5 if kind == "seasons" else 0.125
    options = {"models": ["nb", {"kind": "seasons", "width": 0.5}]} if kind == "voting" else {}
    settings = ModelSettings(
        kind=kind, options=options, window=5, width=width, epochs=10, batch=16, learning_rate=5e-3
    )
    return train(settings, ENGINE, levels(), None, folder)[0]


def test_every_model_finds_the_classes_in_the_survey_order(fitted: Classifier) -> None:
    h, block = fitted.halo, stripes()
    out = fitted.predict(np.pad(block, ((0, 0), (h, h), (h, h)), mode="edge"))
    assert fitted.classes == CLASSES
    assert fitted.pixel_bytes > 0
    assert out.shape == (3, 12, 24)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.sum(axis=0), 1.0, atol=1e-5)
    for position, middle in enumerate((4, 12, 20)):
        assert (out[:, :, middle].argmax(axis=0) == position).all()


def test_every_model_leaves_nodata_nodata(fitted: Classifier) -> None:
    h, block = fitted.halo, stripes()
    block[1, 6, 7] = np.nan
    out = fitted.predict(block)
    inside = np.zeros((12 - 2 * h, 24 - 2 * h), dtype=bool)
    inside[6 - h, 7 - h] = True
    assert (np.isnan(out) == inside).all()
    assert np.isnan(fitted.predict(np.full_like(block, np.nan))).all()


def test_every_model_comes_back_from_the_store_the_same(fitted: Classifier, tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    fitted.save(store)
    again = load_classifier(store)
    assert type(again) is type(fitted)
    assert (again.layers, again.classes) == (fitted.layers, fitted.classes)
    np.testing.assert_array_equal(again.predict(stripes()), fitted.predict(stripes()))


@pytest.mark.parametrize("kind", CLASSICAL)
def test_the_same_seed_gives_the_same_numbers_on_any_threads(
    kind: str, known: Callable[[str], Classifier], tmp_path: Path
) -> None:
    first, again = known(kind), fit(kind, tmp_path)
    expected = first.predict(stripes())
    with dask.config.set(num_workers=4):
        np.testing.assert_array_equal(again.predict(stripes()), expected)


@pytest.mark.parametrize("kind", CLASSICAL)
def test_pixels_are_judged_one_by_one(kind: str, known: Callable[[str], Classifier]) -> None:
    model, block = known(kind), stripes()
    parts = [model.predict(block[:, :, x : x + 5]) for x in range(0, 24, 5)]
    np.testing.assert_allclose(np.concatenate(parts, axis=2), model.predict(block), atol=1e-6)


@pytest.mark.parametrize("kind", CLASSICAL)
def test_pixels_are_read_as_scikit_learn_reads_them(
    kind: str, known: Callable[[str], Classifier]
) -> None:
    model, block = known(kind), stripes()
    assert isinstance(model, ScikitClassifier)
    pixels = np.ascontiguousarray(model.standardiser.apply(block).reshape(2, -1).T)
    expected = model.estimator.predict_proba(pixels)
    rounding = 1e-6 if kind == "ann" else 0  # its units add their inputs in order, no BLAS does
    np.testing.assert_allclose(model.probabilities(pixels), expected, rtol=0, atol=rounding)


def test_reading_a_forest_leaves_the_warning_filters_alone(
    known: Callable[[str], Classifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, resets = known("rf"), []
    monkeypatch.setattr(warnings, "resetwarnings", lambda: resets.append(1))
    model.predict(stripes())
    assert not resets  # they are the process's, and other threads have need of them


def test_a_type_no_model_holds_is_not_built(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    fit("nb", tmp_path / "training").save(store)

    class Foreign(LogisticRegression):  # type: ignore[misc]
        pass

    store.write("model/estimator.skops", skops.io.dumps(Foreign()))
    with pytest.raises(StoreError, match="Foreign"):
        load_classifier(store)


def test_a_vector_machine_wants_samples_for_its_calibration(tmp_path: Path) -> None:
    data = levels()
    keep = (data.labels != 1) | (np.arange(len(data.labels)) < 6)
    few = TrainingData(data.patches[keep], data.labels[keep], data.layers, data.classes)
    with pytest.raises(DataError, match="class 2 has fewer than 3"):
        train(ModelSettings(kind="svm"), ENGINE, few, None, tmp_path)
