"""Dissimilarity index and area of applicability (Meyer and Pebesma 2021)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float32Array
from minecover.errors import DataError, StoreError
from minecover.prediction.applicability import Applicability
from minecover.storage.store import Store
from minecover.testing import assert_same_bits


def drawn(count: int = 90, layers: int = 9, seed: int = 0) -> Float32Array:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(0, 1, (count, 4)) @ rng.normal(0, 1, (4, layers))
    return (0.2 + 0.05 * (mixed + 0.3 * rng.normal(0, 1, (count, layers)))).astype(np.float32)


def fitted(samples: Float32Array, seed: int = 1) -> Applicability:
    layers = tuple(f"layer{number}" for number in range(samples.shape[1]))
    importance = np.random.default_rng(seed).random(samples.shape[1])
    return Applicability.fit(samples, layers, importance, np.arange(len(samples)) % 5)


def raster(samples: Float32Array, shape: tuple[int, int] = (11, 13), seed: int = 2) -> Float32Array:
    noise = np.random.default_rng(seed).normal(0, 0.02, (*shape, samples.shape[1]))
    picked = samples[np.arange(math.prod(shape)) % len(samples)].reshape(*shape, -1)
    return np.ascontiguousarray((picked + noise).transpose(2, 0, 1), dtype=np.float32)


def test_the_index_by_hand() -> None:
    # one layer, values 0 2 4 6: mean 3, sample deviation sqrt(20/3); the weight cancels out
    samples = np.array([[0.0], [2.0], [4.0], [6.0]], np.float32)
    found = Applicability.fit(samples, ("NDVI",), np.array([0.5]), np.array([0, 0, 1, 1]))
    unit = 0.5 / math.sqrt(20 / 3)
    # distances 2 4 6 2 4 2: mean 10/3
    assert found.mean_distance == pytest.approx(unit * 10 / 3)
    # to the other fold 4 2 2 4, by 10/3: 1.2 0.6 0.6 1.2; quartiles 0.6 and 1.2, whisker 2.1
    assert found.threshold == pytest.approx(1.2)
    pixels = np.array([[[0.0, 1.0, 6.0, 16.0, np.nan]]], np.float32)
    expected = [[0.0, 0.3, 0.0, 3.0, np.nan]]
    np.testing.assert_allclose(found.dissimilarity(pixels), expected, atol=1e-6)


def test_the_threshold_leaves_outliers_out() -> None:
    samples = np.array([[0], [0], [1], [1], [2], [2], [3], [3], [40]], np.float32)
    folds = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0])
    found = Applicability.fit(samples, ("NDVI",), np.array([1.0]), folds)
    # all but the last have an equal in the other fold: quartiles and whisker are 0
    assert found.threshold == 0.0


def test_values_of_a_plain_reference() -> None:
    samples = drawn()
    found, image = fitted(samples), raster(drawn(seed=7))
    importance = np.random.default_rng(1).random(9)
    wide = samples.astype(np.float64)
    mean, deviation = wide.mean(0), wide.std(0, ddof=1)
    known = (wide - mean) / deviation * importance
    apart = np.sqrt(((known[:, None] - known) ** 2).sum(-1))
    average = apart[~np.eye(len(known), dtype=bool)].mean()
    fold = np.arange(len(known)) % 5
    own = np.where(fold[:, None] == fold, np.inf, apart).min(1) / average
    low, high = np.percentile(own, [25, 75])
    assert found.threshold == pytest.approx(min(high + 1.5 * (high - low), own.max()), rel=1e-5)
    pixels = (image.reshape(9, -1).T - mean) / deviation * importance
    nearest = np.sqrt(((pixels[:, None] - known) ** 2).sum(-1)).min(1) / average
    np.testing.assert_allclose(found.dissimilarity(image).ravel(), nearest, atol=1e-4)


def test_pixels_equal_to_training_samples_have_an_index_of_0() -> None:
    samples = drawn()
    pixels = np.ascontiguousarray(samples.T.reshape(9, 9, 10))
    assert (fitted(samples).dissimilarity(pixels) == 0).all()


def test_ground_that_no_sample_shows_is_outside() -> None:
    samples = drawn(300)
    found, image = fitted(samples), raster(samples, (20, 20))
    image[:, 5:9, 12:17] += 1.5
    outside = found.dissimilarity(image) > found.threshold
    assert outside[5:9, 12:17].all()
    outside[5:9, 12:17] = False
    assert outside.mean() < 0.05


@settings(deadline=None, max_examples=20)
@given(
    cut=st.tuples(st.integers(1, 10), st.integers(1, 12)),
    scale=st.sampled_from([1.0, 1e-4, 1e5]),
    seed=st.integers(0, 5),
)
def test_the_same_bits_however_the_raster_is_cut(
    cut: tuple[int, int], scale: float, seed: int
) -> None:
    samples = drawn(60, 9, seed) * np.float32(scale)
    found, image = fitted(samples), raster(drawn(60, 9, seed)) * np.float32(scale)
    image[3, 2, 4:6] = np.nan
    whole = found.dissimilarity(image)
    assert np.isnan(whole).sum() == 2
    y, x = cut
    for rows in (slice(0, y), slice(y, 11)):
        for columns in (slice(0, x), slice(x, 13)):
            part = found.dissimilarity(image[:, rows, columns])
            assert_same_bits(part, whole[rows, columns])


def test_a_layer_that_never_varies_or_counts_for_nothing_is_left_out() -> None:
    samples = drawn(40, 3)
    samples[:, 1] = 7.0
    folds = np.arange(40) % 2
    with_it = Applicability.fit(samples, ("a", "b", "c"), np.array([1.0, 1.0, -2.0]), folds)
    alone = Applicability.fit(samples[:, :1], ("a",), np.array([1.0]), folds)
    assert with_it.scale[1:].tolist() == [0.0, 0.0]
    assert with_it.threshold == pytest.approx(alone.threshold)


def test_without_any_importance_all_layers_count_alike() -> None:
    samples, folds = drawn(40, 3), np.arange(40) % 2
    none = Applicability.fit(samples, ("a", "b", "c"), np.zeros(3), folds)
    alike = Applicability.fit(samples, ("a", "b", "c"), np.ones(3), folds)
    assert none.threshold == alike.threshold


def test_samples_all_alike_or_of_one_fold_are_refused() -> None:
    with pytest.raises(DataError, match="no area of applicability"):
        Applicability.fit(np.ones((6, 2), np.float32), ("a", "b"), np.ones(2), np.arange(6) % 2)
    with pytest.raises(DataError, match="no area of applicability"):
        Applicability.fit(drawn(6, 2), ("a", "b"), np.ones(2), np.zeros(6, np.int64))


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    store, found = Store(str(tmp_path)), fitted(drawn())
    found.save(store)
    again = Applicability.load(store)
    assert (again.layers, again.threshold) == (found.layers, found.threshold)
    image = raster(drawn(seed=3))
    assert_same_bits(again.dissimilarity(image), found.dissimilarity(image))
    store.write_json("model/applicability.json", {"layers": []})
    with pytest.raises(StoreError, match="train again"):
        Applicability.load(store)


def test_the_same_bits_however_many_pixels_are_compared_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = drawn(600)
    found, image = fitted(samples), raster(drawn(600, seed=7), (40, 50))
    whole = found.dissimilarity(image)
    monkeypatch.setattr("minecover.prediction.applicability.PAIRS", 1)
    assert_same_bits(found.dissimilarity(image), whole)
    again = fitted(samples)
    assert again.mean_distance == pytest.approx(found.mean_distance, rel=1e-12)
    assert again.threshold == pytest.approx(found.threshold, rel=1e-12)
