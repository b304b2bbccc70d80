"""Relief-F: equal to skrebate, and sound where skrebate cannot be asked."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float64Array, Int64Array
from minecover.errors import DataError, SurveyError
from minecover.selection.relieff import ReliefScores, relieff, selection_scores


def reference(x: Float64Array, y: Int64Array, neighbours: int, threshold: int = 10) -> Float64Array:
    """skrebate itself, float64, quiet about pairs without a common feature."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return selection_scores(
            x, y, engine="skrebate", neighbours=neighbours, discrete_threshold=threshold
        ).scores


def samples(kind: str, seed: int, n: int = 120, p: int = 9) -> tuple[Float64Array, Int64Array]:
    """Random samples of four classes with the difficulty that ``kind`` names."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 4, n)
    x = random.normal(size=(n, p)) * random.uniform(0.1, 1000.0, p)
    x[:, 0] += y * x[:, 0].std()
    if "mixed" in kind:
        x[:, [1, 4, 7]] = random.integers(0, 4, (n, 3))
        x[:, 5] = 3.0  # a constant feature is categorical too
    if "categorical" in kind:
        x = random.integers(0, 5, (n, p)).astype(np.float64)
    if "tied" in kind:
        x = np.round(random.normal(size=(n, 3)) * 6.0)
    if "wide" in kind:
        n, y = min(n, 80), y[:80]
        x = np.round(random.normal(size=(n, 150)) * 6.0)
    if "near ties" in kind:  # closer than the steps in which all pairs are compared
        x = 1e6 + 1e-3 * random.normal(size=(n, p))
        x[0] += 1e3
    if "missing" in kind:
        x[random.random(x.shape) < 0.2] = np.nan
        x[3] = np.nan
        x[:, 2] = np.nan
    if "small" in kind:
        y[y == 3] = 0
        y[0] = 3  # a class of one
        y[1:5] = 2
    if "two" in kind:
        y = (y > 1).astype(np.int64)
    return x, y


KINDS = [
    "continuous",
    "continuous, two classes",
    "continuous, small classes",
    "mixed",
    "mixed, two classes",
    "mixed, small classes",
    "missing",
    "mixed, missing",
    "mixed, missing, small classes",
    "categorical",
    "categorical, missing",
    "tied",
    "tied, missing",
    "wide, missing",
    "near ties",
    "near ties, missing",
]


@pytest.mark.parametrize("neighbours", [7, 60])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_skrebate(kind: str, neighbours: int) -> None:
    x, y = samples(kind, seed=len(kind))
    expected = reference(x, y, neighbours)
    found = relieff(x, y, neighbours=neighbours, ties="skrebate")
    np.testing.assert_allclose(found.scores, expected, rtol=0, atol=1e-12)
    assert found.standard_error is None
    assert found.queries == len(y)


def test_ranking_is_that_of_skrebate_on_many_features() -> None:
    random = np.random.default_rng(5)
    y = random.integers(0, 6, 200)
    x = random.normal(size=(200, 112)) + y[:, None] * random.uniform(0, 0.5, 112)
    expected = reference(x, y, 30)
    found = relieff(x, y, neighbours=30).scores
    np.testing.assert_array_equal(np.argsort(found), np.argsort(expected))


def test_categorical_threshold_decides_the_kind() -> None:
    x, y = samples("tied", seed=1)
    for threshold in (0, 10, 40):
        expected = reference(x, y, 10, threshold)
        found = relieff(x, y, neighbours=10, discrete_threshold=threshold, ties="skrebate")
        np.testing.assert_allclose(found.scores, expected, rtol=0, atol=1e-12)


def test_more_than_ten_classes_stay_classes() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(150, 4)), random.integers(0, 14, 150)
    np.testing.assert_allclose(
        relieff(x, y, neighbours=5).scores, reference(x, y, 5), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("kind", ["categorical", "tied"])
def test_ties_by_index_are_those_of_a_stable_sort(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = samples(kind, seed=2)
    argsort = np.argsort
    found = relieff(x, y, neighbours=7).scores
    with monkeypatch.context() as patch:
        patch.setattr(np, "argsort", lambda a: argsort(a, kind="stable"))
        expected = reference(x, y, 7)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def naive_kononenko(x: Float64Array, y: Int64Array, k: int) -> Float64Array:
    """Kononenko (1994) word for word: priors, no missing values, continuous features."""
    span = x.max(axis=0) - x.min(axis=0)
    scaled = (x - x.min(axis=0)) / span
    priors = {c: np.mean(y == c) for c in np.unique(y)}
    total = np.zeros(x.shape[1])
    for i in range(len(y)):
        diff = np.abs(scaled - scaled[i])
        for c, prior in priors.items():
            rows = np.flatnonzero((y == c) & (np.arange(len(y)) != i))
            near = rows[np.argsort(diff[rows].sum(axis=1), kind="stable")[:k]]
            if c == y[i]:
                total -= diff[near].mean(axis=0)
            else:
                total += prior / (1.0 - priors[y[i]]) * diff[near].mean(axis=0)
    return total / len(y)


def test_kononenko_weighs_classes_by_their_priors() -> None:
    random = np.random.default_rng(3)
    y = random.choice(3, 120, p=[0.6, 0.3, 0.1])
    x = random.normal(size=(120, 5)) + y[:, None] * [1.0, 0.5, 0.2, 0.0, 0.0]
    found = relieff(x, y, neighbours=15, weighting="kononenko").scores
    np.testing.assert_allclose(found, naive_kononenko(x, y, 15), rtol=0, atol=1e-12)
    assert not np.allclose(found, relieff(x, y, neighbours=15).scores)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), missing=st.booleans(), neighbours=st.integers(1, 40))
def test_order_of_samples_and_features_does_not_matter(
    seed: int, missing: bool, neighbours: int
) -> None:
    # Continuous features keep ties away, which only the order of the samples can settle.
    x, y = samples("missing" if missing else "mixed", seed, n=70)
    random = np.random.default_rng(seed)
    rows, columns = random.permutation(len(y)), random.permutation(x.shape[1])
    expected = relieff(x, y, neighbours=neighbours).scores
    found = relieff(x[rows][:, columns], y[rows], neighbours=neighbours).scores
    np.testing.assert_allclose(found, expected[columns], rtol=0, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    # Powers of two and small shifts keep every difference exact, so that no neighbour changes.
    scale=st.sampled_from([0.125, 0.5, 2.0, 64.0, -1.0, -4.0]),
    shift=st.sampled_from([-8.0, 0.0, 3.0]),
)
def test_units_do_not_matter(seed: int, scale: float, shift: float) -> None:
    random = np.random.default_rng(seed)
    x = random.integers(0, 1 << 20, (60, 5)) / float(1 << 10)
    y = random.integers(0, 3, 60)
    expected = relieff(x, y, neighbours=8).scores
    x[:, 2] = x[:, 2] * scale + shift
    found = relieff(x, y, neighbours=8).scores
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(KINDS))
def test_copies_of_a_feature_score_alike(seed: int, kind: str) -> None:
    x, y = samples(kind, seed, n=60)
    scores = relieff(np.column_stack([x, x[:, 0], x[:, 1]]), y, neighbours=6).scores
    assert scores[-2] == scores[0]
    assert scores[-1] == scores[1]
    assert np.all(np.abs(scores) <= 1.0)


def test_telling_features_come_first() -> None:
    random = np.random.default_rng(8)
    y = np.repeat(np.arange(6), [60, 20, 67, 20, 60, 60])
    x = random.normal(size=(y.size, 40))
    for f in (3, 11, 29):
        x[:, f] += random.permutation(6)[y] * 2.0
    assert set(np.argsort(-relieff(x, y, neighbours=10).scores)[:3]) == {3, 11, 29}


@pytest.mark.parametrize("kind", ["continuous", "mixed, missing", "tied"])
def test_threads_and_layout_do_not_change_a_bit(kind: str) -> None:
    x, y = samples(kind, seed=4, n=300)
    expected = relieff(x, y, neighbours=10)
    strided = np.repeat(np.asfortranarray(x), 2, axis=0)[::2]
    strided.flags.writeable = False
    found = relieff(strided, y, neighbours=10, threads=3)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_float32_and_integers_are_taken_as_they_are() -> None:
    x, y = samples("continuous", seed=6)
    single = x.astype(np.float32)
    np.testing.assert_array_equal(
        relieff(single, y, neighbours=5).scores,
        relieff(single.astype(np.float64), y, neighbours=5).scores,
    )
    whole = np.round(x).astype(np.int32)
    np.testing.assert_array_equal(
        relieff(whole, y, neighbours=5).scores, relieff(whole.astype(float), y, neighbours=5).scores
    )


def test_labels_may_be_names() -> None:
    x, y = samples("continuous", seed=6)
    names = np.array(["forest", "mine", "water", "built-up"])[y]
    np.testing.assert_allclose(
        relieff(x, names, neighbours=5).scores, relieff(x, y, neighbours=5).scores, atol=1e-15
    )


def test_drawn_queries_are_unbiased_and_state_their_error() -> None:
    x, y = samples("continuous", seed=9, n=400)
    exact = relieff(x, y, neighbours=10).scores
    drawn = [relieff(x, y, neighbours=10, queries=80, seed=s) for s in range(150)]
    scores = np.array([d.scores for d in drawn])
    errors = np.array([_error(d) for d in drawn])
    standard = scores.std(axis=0)
    assert np.all(np.abs(scores.mean(axis=0) - exact) < 4.0 * standard / np.sqrt(150))
    np.testing.assert_allclose(np.sqrt((errors**2).mean(axis=0)), standard, rtol=0.25)
    assert all(abs(d.queries - 80) <= 4 for d in drawn)


def _error(scores: ReliefScores) -> Float64Array:
    assert scores.standard_error is not None
    return scores.standard_error


def test_same_seed_same_draw() -> None:
    x, y = samples("mixed", seed=9, n=300)
    a, b, c = (relieff(x, y, neighbours=5, queries=50, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.scores, b.scores)
    assert not np.array_equal(a.scores, c.scores)


def test_memory_grows_with_the_samples_and_not_with_their_square() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20_000, 8)), random.integers(0, 3, 20_000)
    relieff(x[:50], y[:50], neighbours=5)  # compiled before memory is counted
    tracemalloc.start()
    relieff(x, y, neighbours=20, queries=64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * x.nbytes  # all distances would take 3.2 GB, 2,500 times the samples


BAD: list[tuple[str, Float64Array, Int64Array]] = [
    ("one label for each", np.zeros((4, 2)), np.zeros(3, dtype=np.int64)),
    ("one label for each", np.zeros((4, 2)), np.zeros((4, 1), dtype=np.int64)),
    ("give numbers", np.zeros(4), np.arange(4)),
    ("give numbers", np.zeros((4, 0)), np.arange(4)),
    ("give numbers", np.full((4, 2), 1j), np.arange(4)),  # type: ignore[list-item]
    ("two classes or more", np.arange(8.0).reshape(4, 2), np.ones(4, dtype=np.int64)),
    ("every value of every sample is missing", np.full((4, 2), np.nan), np.arange(4)),
    ("every value of every sample is missing", np.zeros((0, 2)), np.arange(0)),
    (r"features \[1\] hold infinite", np.array([[0, 1], [0, np.inf]]), np.arange(2)),
]


@pytest.mark.parametrize(("message", "x", "y"), BAD)
@pytest.mark.parametrize("engine", ["native", "skrebate"])
def test_bad_samples_are_named(message: str, x: Float64Array, y: Int64Array, engine: str) -> None:
    with pytest.raises(DataError, match=message):
        selection_scores(x, y, engine=engine)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "setting", [{"neighbours": 0}, {"discrete_threshold": -1}, {"queries": 1}, {"threads": 0}]
)
def test_settings_out_of_range_are_named(setting: dict[str, int]) -> None:
    x, y = samples("continuous", seed=0)
    with pytest.raises(SurveyError, match=next(iter(setting))):
        relieff(x, y, **setting)  # type: ignore[arg-type]


def test_skrebate_knows_its_own_weighting_only() -> None:
    x, y = samples("continuous", seed=0)
    with pytest.raises(SurveyError, match="kononenko"):
        selection_scores(x, y, engine="skrebate", weighting="kononenko")
