"""Empirical Bayes smoothing of class probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import BoolArray, Float32Array, Float64Array
from minecover.errors import DataError
from minecover.features.kernel import Kernel
from minecover.models.registry import MODELS
from minecover.prediction.smoothing import Smoothing, smoothing_helps
from minecover.survey import Survey
from minecover.testing import assert_cut_invariant
from small_map import survey

NAMES = ("forest", "road", "water")


def smoothing(window: int = 5, smoothness: float = 20.0, fraction: float = 0.5) -> Smoothing:
    return Smoothing(NAMES, window, (smoothness,) * 3, fraction)


def drawn(shape: tuple[int, int], seed: int = 0, nodata: bool = True) -> Float32Array:
    rng = np.random.default_rng(seed)
    scores = np.exp(rng.normal(0, 3, (3, *shape)))
    values = (scores / scores.sum(0)).astype(np.float32)
    if nodata:
        values[:, rng.random(shape) < 0.1] = np.nan
    return values


def scene(thin: BoolArray, sure: float, around: float = 0.99) -> Float32Array:
    """Forest, but road where `thin`; each pixel that sure of its class."""
    values = np.empty((3, *thin.shape), np.float32)
    values[0] = np.where(thin, (1 - sure) / 2, around)
    values[1] = np.where(thin, sure, (1 - around) / 2)
    values[2] = np.where(thin, (1 - sure) / 2, (1 - around) / 2)
    return values


def reference(
    values: Float32Array, window: int, smoothness: float, fraction: float, *, itself: bool = True
) -> Float64Array:
    """The module's formula, pixel by pixel in NumPy; `itself` False: as sits has it."""
    halo = window // 2
    bounded = np.clip(values.astype(np.float64), 1e-4, 1 - 1e-4)
    logits = np.log(bounded / (1 - bounded)).astype(np.float32).astype(np.float64)
    out = np.full((3, *(np.array(values.shape[1:]) - 2 * halo)), np.nan)
    for c, y, x in np.ndindex(*out.shape):
        own = logits[c, y + halo, x + halo]
        if np.isnan(own):
            continue
        around = logits[c, y : y + window, x : x + window]
        ordered = np.sort(around[~np.isnan(around)])[::-1]
        high = ordered[: int(np.ceil(fraction * len(ordered)))]
        if itself and own < high[-1]:
            high = np.append(high, own)
        variance = high.var(ddof=1) if len(high) > 1 else 0.0
        weight = variance / (variance + smoothness)
        out[c, y, x] = 1 / (1 + np.exp(-(weight * own + (1 - weight) * high.mean())))
    return np.asarray(out / out.sum(0))


@pytest.mark.parametrize(
    ("window", "smoothness", "fraction"), [(3, 20, 0.5), (7, 2, 0.3), (5, 9, 1)]
)
def test_values_of_a_plain_reference(window: int, smoothness: float, fraction: float) -> None:
    values = drawn((17, 15))
    found = smoothing(window, smoothness, fraction)(values)
    np.testing.assert_allclose(found, reference(values, window, smoothness, fraction), atol=2e-6)


@settings(deadline=None, max_examples=15)
@given(
    window=st.sampled_from([3, 5, 9]),
    rows=st.lists(st.integers(1, 11), max_size=2),
    columns=st.lists(st.integers(1, 12), max_size=2),
    seed=st.integers(0, 9),
)
def test_the_same_bits_however_the_grid_is_cut(
    window: int, rows: list[int], columns: list[int], seed: int
) -> None:
    kernel = smoothing(window)
    assert isinstance(kernel, Kernel)
    shape = (12 + 2 * kernel.halo, 13 + 2 * kernel.halo)
    assert_cut_invariant(kernel, drawn(shape, seed), rows, columns)


def test_probabilities_sum_to_1_and_nodata_stays_nodata() -> None:
    values = drawn((20, 20), 3)
    found = smoothing(5)(values)
    gone = np.isnan(values[0, 2:-2, 2:-2])
    assert gone.any()
    assert (np.isnan(found) == gone).all()
    np.testing.assert_allclose(found.sum(0)[~gone], 1, atol=1e-6)
    assert np.nanmin(found) >= 0


def test_a_pixel_alone_amid_nodata_keeps_its_probabilities() -> None:
    values = np.full((3, 5, 5), np.nan, np.float32)
    values[:, 2, 2] = (0.7, 0.2, 0.1)
    np.testing.assert_allclose(smoothing(5)(values)[:, 0, 0], (0.7, 0.2, 0.1), atol=1e-6)


def road(kind: str) -> BoolArray:
    thin = np.zeros((25, 25), bool)
    if kind == "straight":
        thin[12] = True
    elif kind == "diagonal":
        thin[np.arange(25), np.arange(25)] = True
    elif kind == "pond":
        thin[12:14, 12:14] = True
    else:
        thin[11:14, 11:14] = True
        thin[12, 12] = False
    return thin


@pytest.mark.parametrize("kind", ["straight", "diagonal", "ring"])
def test_thin_objects_that_are_sure_survive(kind: str) -> None:
    thin = road(kind)
    values = scene(thin, 0.999)
    found = smoothing(5)(values).argmax(0)
    np.testing.assert_array_equal(found == 1, thin[2:-2, 2:-2])


def of_kind(plan: Survey) -> Smoothing:
    smoothness = MODELS[plan.model.kind].smoothness
    return Smoothing.of(plan.prediction, tuple(plan.class_codes), smoothness)


NETWORK = 1 - 0.05 * 5 / 6
"""Highest probability of a network taught six classes with the default label smoothing."""


@pytest.mark.parametrize("kind", ["straight", "diagonal", "pond"])
def test_thin_objects_of_a_network_survive_its_default(kind: str) -> None:
    default = of_kind(survey(prediction={"smoothing": 5}))
    assert default.smoothness == (4.0,) * 3
    thin = road(kind)
    values = scene(thin, NETWORK, NETWORK)
    np.testing.assert_array_equal(default(values).argmax(0) == 1, thin[2:-2, 2:-2])
    assert (smoothing(5, 20.0)(values).argmax(0) == 0).all()
    speckle = np.random.default_rng(0).random((40, 40)) < 0.03
    assert (default(scene(speckle, 0.7, NETWORK)).argmax(0) == 0).all()


def test_other_models_have_the_smoothness_of_sits_and_a_survey_its_own() -> None:
    forest = survey(model={"kind": "rf"}, prediction={"smoothing": 3})
    assert of_kind(forest).smoothness == (20.0,) * 3
    own = survey(prediction={"smoothing": 3, "smoothness": 7.0})
    assert of_kind(own).smoothness == (7.0,) * 3


def test_what_sits_leaves_out_is_why_they_survive() -> None:
    thin = road("straight")
    values = scene(thin, 0.999)
    as_in_sits = reference(values, 5, 20, 0.5, itself=False).argmax(0)
    assert (as_in_sits == 0).all()


def test_corners_of_a_sure_class_stay_sharp() -> None:
    corner = np.zeros((24, 24), bool)
    corner[12:, 12:] = True
    values = scene(corner, 0.99)
    found = smoothing(5)(values).argmax(0) == 1
    np.testing.assert_array_equal(found, corner[2:-2, 2:-2])
    as_in_sits = reference(values, 5, 20, 0.5, itself=False).argmax(0) == 1
    assert (as_in_sits != corner[2:-2, 2:-2]).any()


def test_isolated_pixels_that_are_unsure_are_removed() -> None:
    speckle = np.random.default_rng(0).random((40, 40)) < 0.03
    values = scene(speckle, 0.7)
    assert (values.argmax(0) == 1).sum() == speckle.sum()
    assert (smoothing(5)(values).argmax(0) == 0).all()


def test_a_greater_smoothness_is_smoother() -> None:
    values = drawn((30, 30), 5, nodata=False)
    rough = [smoothing(5, s)(values).std(axis=(1, 2)).mean() for s in (0.1, 2.0, 20.0, 200.0)]
    assert rough == sorted(rough, reverse=True)
    kept = smoothing(5, 1e-6)(values)
    np.testing.assert_allclose(kept, values[:, 2:-2, 2:-2], atol=1e-3)


def test_each_class_has_its_own_smoothness() -> None:
    thin = road("straight")
    values = scene(thin, 0.95)
    uniform = smoothing(5)(values).argmax(0)
    assert (uniform == 0).all()
    kept = Smoothing(NAMES, 5, (0.5, 0.5, 20.0), 0.5)(values).argmax(0)
    np.testing.assert_array_equal(kept == 1, thin[2:-2, 2:-2])


def test_an_input_of_other_layers_is_refused() -> None:
    with pytest.raises(DataError, match="smoothing: input has shape"):
        smoothing(5)(np.zeros((2, 9, 9), np.float32))


def test_whether_smoothing_helps_is_tested() -> None:
    truth = np.ones(100, np.int64)
    plain, smoothed = truth.copy(), truth.copy()
    plain[:20], smoothed[18:21] = 2, 2
    gain = smoothing_helps(truth, plain, smoothed)
    assert (gain["corrected"], gain["worsened"], gain["points"]) == (18, 1, 100)
    assert (gain["plain"], gain["smoothed"]) == (0.8, 0.97)
    assert gain["helps"]
    assert gain["p_value"] < 1e-3
    assert not smoothing_helps(truth, smoothed, plain)["helps"]
    assert not smoothing_helps(truth, plain, plain)["helps"]
    nothing = smoothing_helps(truth[:0], plain[:0], plain[:0])
    assert (nothing["points"], nothing["plain"], nothing["helps"]) == (0, None, False)
