"""Shares of the classes on the ground: in the weights of samples, and in the probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from minecover.arrays import Float32Array
from minecover.engines.settings import EngineSettings
from minecover.errors import DataError, SurveyError
from minecover.models.class_shares import assumed_shares, prior_shifted, sample_weights
from minecover.models.data import TrainingData
from minecover.models.lookup import as_kind, load_classifier, refuse_weights
from minecover.models.settings import ModelSettings
from minecover.models.tuning import tune_and_train
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store

ENGINE = EngineSettings(training="local", workers=1, threads=1)
SHARES = {9: 0.9, 4: 0.1}


def two_normals(counts: tuple[int, int] = (60, 60), seed: int = 0) -> TrainingData:
    """Two classes, normal with deviation 1 about 0 and 2 in the first of two layers."""
    labels = np.repeat([0, 1], counts)
    rng = np.random.default_rng(seed)
    values = rng.normal(2 * labels, 1, (2, len(labels))).T
    values[:, 1] = rng.normal(0, 1, len(labels))
    patches = values[:, :, None, None].astype(np.float32)
    return TrainingData(patches, labels.astype(np.int64), ("a", "b"), (9, 4))


def trained(data: TrainingData, folder: Path, **settings: Any) -> Any:
    return tune_and_train(ModelSettings(**settings), ENGINE, data, None, folder)[0]


def points_at(*values: float) -> Float32Array:
    patches = np.zeros((len(values), 2, 1, 1), np.float32)
    patches[:, 0, 0, 0] = values
    return patches


def test_classes_weigh_as_much_as_their_share_of_the_ground() -> None:
    data = two_normals((30, 10))
    settings = ModelSettings(class_weights="area", class_shares=SHARES)
    found = sample_weights(settings, data, np.ones(40, dtype=bool))
    assert found.mean() == pytest.approx(1)
    assert_allclose(np.bincount(data.labels, found) / found.sum(), [0.9, 0.1], rtol=1e-5)


def test_shares_of_classes_without_samples_go_to_the_others() -> None:
    data = two_normals((30, 10))
    shares = {9: 0.3, 4: 0.1, 2: 0.6}
    settings = ModelSettings(class_weights="area", class_shares=shares)
    found = sample_weights(settings, data, np.ones(40, dtype=bool))
    assert_allclose(np.bincount(data.labels, found) / found.sum(), [0.75, 0.25], rtol=1e-5)
    with pytest.raises(DataError, match="no share of class 4; give that of each class"):
        sample_weights(settings.replace(class_shares={9: 1.0}), data, np.ones(40, dtype=bool))


@pytest.mark.parametrize("kind", ["nb", "knn", "boosting"])
def test_odds_change_by_those_of_the_shares(kind: str, tmp_path: Path) -> None:
    data, asked = two_normals((40, 20)), points_at(0, 0.5, 1.2, 2)
    before = trained(data, tmp_path, kind=kind).predict_centres(asked).astype(np.float64)
    shifted = trained(data, tmp_path, kind=kind, class_shares=SHARES, prior_shift=1)
    after = shifted.predict_centres(asked).astype(np.float64)
    expected = before * np.array([0.9 / (2 / 3), 0.1 / (1 / 3)])
    expected /= expected.sum(axis=1, keepdims=True)
    assert_allclose(after, expected, atol=1e-5)
    store = Store(str(tmp_path / "store"))
    shifted.save(store, MODEL_FOLDER)
    assert_allclose(load_classifier(store).predict_centres(asked), after, atol=1e-7)


@pytest.mark.parametrize(
    ("settings", "weighted", "expected"),
    [
        ({}, True, [0.75, 0.25]),
        ({"class_weights": "balanced"}, True, [0.5, 0.5]),
        ({"class_weights": "balanced"}, False, [0.75, 0.25]),  # a kind that passes weights over
        ({"class_weights": "area", "class_shares": SHARES}, True, [0.9, 0.1]),
        ({"prior_shift": 1, "class_shares": SHARES}, False, [0.9, 0.1]),
        # odds of 3 among the points and of 9 on the ground: half way is the root of their product
        ({"prior_shift": 0.5, "class_shares": SHARES}, False, [27**0.5, 1]),
    ],
)
def test_probabilities_are_right_for_shares(
    settings: dict[str, Any], weighted: bool, expected: list[float]
) -> None:
    found = assumed_shares(ModelSettings(**settings), (9, 4), [30, 10], weighted=weighted)
    assert_allclose(found, np.array(expected) / sum(expected))


def test_a_shift_gives_the_posterior_of_the_ground(tmp_path: Path) -> None:
    data = two_normals((4000, 4000))
    model = trained(data, tmp_path, kind="nb", class_shares=SHARES, prior_shift=1)
    asked = np.array([0.0, 1.0, 2.0, 3.0])
    likelihood = np.stack([norm.pdf(asked), norm.pdf(asked - 2)], axis=1) * [0.9, 0.1]
    expected = likelihood / likelihood.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_centres(points_at(*asked)), expected, atol=0.02)


def test_weights_that_were_learned_leave_nothing_to_shift(tmp_path: Path) -> None:
    data = two_normals((40, 20))
    settings = ModelSettings(kind="nb", class_weights="area", class_shares=SHARES, prior_shift=1)
    plain = trained(data, tmp_path, kind="nb", class_weights="area", class_shares=SHARES,
                    prior_shift=0)  # fmt: skip
    again: Any = prior_shifted(plain, settings, data, weighted=True)
    assert_allclose(again.recalibration.biases, 0, atol=1e-6)
    balanced = settings.replace(class_weights="balanced")
    assert_allclose(prior_shifted(plain, balanced, data, weighted=True).recalibration.biases,  # type: ignore[attr-defined]
                    np.log([0.9 / 0.5, 0.1 / 0.5]), atol=1e-5)  # fmt: skip
    assert prior_shifted(plain, ModelSettings(), data, weighted=True) is plain


@pytest.mark.parametrize(
    "weights", [{"class_weights": "balanced"}, {"class_weights": "area", "class_shares": SHARES}]
)
def test_weights_that_a_kind_does_not_hear_are_refused(weights: dict[str, Any]) -> None:
    with pytest.raises(SurveyError, match=r"knn learns from points alone, .* set model.prior_"):
        refuse_weights(ModelSettings(kind="knn", **weights))
    beside = as_kind(ModelSettings(kind="rf", **weights), "knn")  # in a comparison
    assert (beside.class_weights, beside.class_shares) == ("none", None)
    moved = as_kind(
        ModelSettings(kind="rf", class_weights="area", class_shares=SHARES, prior_shift=1), "knn"
    )
    assert moved.class_shares == SHARES


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"class_weights": "area"}, "class_shares are for .*; give them"),
        ({"class_shares": SHARES}, "class_shares are for .*; set one of these"),
        ({"class_shares": {1: 0.5, 2: 0.4}, "prior_shift": 1}, "sum to 0.9, not to 1"),
        ({"class_shares": {1: 0, 2: 1}, "prior_shift": 1}, "greater than 0"),
        (
            {"class_shares": SHARES, "class_weights": "area", "carried_from": "there"},
            "learned as its samples weighed there; set prior_shift",
        ),
    ],
)
def test_shares_that_cannot_be_used_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ModelSettings(**settings)
