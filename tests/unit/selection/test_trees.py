"""Trees of the forest: each cut the best one there is, by counting; the same wherever they grow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.arrays import Float64Array, Int64Array
from minecover.selection.forest import forest_importance
from minecover.selection.trees import BINS, MISSING, binned, grow, leaves


def gini(labels: Int64Array) -> float:
    """Impurity of some labels."""
    shares = np.bincount(labels) / max(len(labels), 1)
    return float(1 - (shares**2).sum())


def samples(seed: int, n: int = 60, p: int = 3) -> tuple[Float64Array, Int64Array]:
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, n)
    x = random.normal(size=(n, p)) + 0.7 * y[:, None]
    x[random.random(x.shape) < 0.1] = np.nan
    return np.round(x, 1), y


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_the_first_cut_is_the_best_of_all(seed: int) -> None:
    x, y = samples(seed)
    bins = binned(x)
    # every sample many times: the draw then has the shares of the samples
    tree = grow(np.tile(bins, 400), np.tile(y, 400), 3, 3, seed)
    f, cut = tree.feature[0], tree.cut[0]
    best = 1.0
    for feature in bins:
        for threshold in np.unique(feature[feature != MISSING]):
            for side in (False, True):
                left = np.where(feature == MISSING, side, feature <= threshold)
                if 0 < left.sum() < len(y):
                    parts = (left.mean() * gini(y[left]), (~left).mean() * gini(y[~left]))
                    best = min(best, sum(parts))
    left = np.where(bins[f] == MISSING, tree.missing_left[0], bins[f] <= cut)
    found = left.mean() * gini(y[left]) + (~left).mean() * gini(y[~left])
    assert found == pytest.approx(best, abs=0.01)


def test_a_tree_learns_its_samples_by_heart_and_shares_out_all_impurity() -> None:
    x, y = samples(0, n=300)
    bins = binned(x + 0.001 * np.arange(300)[:, None])  # no two alike
    tree = grow(bins, y, 3, 1, 5)
    assert (leaves(tree, bins) == y).mean() > 0.75  # of the 63 % that were drawn all
    assert 0.5 < tree.importance.sum() < 0.75  # the impurity of the root, 2/3, is used up
    assert np.array_equal(np.sort(tree.left[tree.feature >= 0]), np.arange(1, len(tree.left), 2))


def test_alike_samples_of_two_classes_end_in_a_leaf() -> None:
    tree = grow(binned(np.ones((9, 2))), np.arange(9) % 2, 2, 1, 0)
    assert tree.feature.tolist() == [-1]
    assert tree.importance.tolist() == [0.0, 0.0]


def test_classes_of_values_hold_equally_many_and_keep_few_values_apart() -> None:
    values = np.random.default_rng(0).normal(size=(10_000, 1))
    (bins,) = binned(values)
    assert np.bincount(bins).tolist() == pytest.approx([10_000 / BINS] * BINS, abs=1)
    assert np.all(np.diff(bins[np.argsort(values[:, 0])].astype(int)) >= 0)
    (few,) = binned(np.array([[3.0], [1.0], [np.nan], [3.0]]))
    assert few.tolist() == [1, 0, MISSING, 1]


def test_the_same_trees_on_any_machine() -> None:
    """Written down once: sums of whole numbers and a generator of its own round nowhere."""
    tree = grow(binned(np.arange(40.0)[:, None] % [[7.0, 5.0]]), np.arange(40) % 3, 3, 1, 1)
    assert tree.feature.tolist() == [
        1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, -1, 0, -1, -1, -1, -1, -1, 0, -1, 1, 1, -1, -1, -1, -1,
        -1, 1, -1, -1, -1, -1, -1, -1,
    ]  # fmt: skip


def test_importance_is_that_of_scikit_learn_within_what_seeds_make_of_it() -> None:
    from sklearn.ensemble import RandomForestClassifier

    random = np.random.default_rng(3)
    y = random.integers(0, 4, 500)
    x = random.normal(size=(500, 12)) + y[:, None] * np.linspace(0, 1.2, 12)
    ours = forest_importance(x, y, trees=120).scores
    peers = [
        RandomForestClassifier(120, random_state=seed).fit(x, y).feature_importances_
        for seed in (0, 1)
    ]
    spread = np.abs(peers[0] - peers[1]).max()
    assert np.abs(ours - np.mean(peers, axis=0)).max() < 3 * spread
