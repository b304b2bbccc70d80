"""Random-forest importance: seeded, sound with missing values, honest about blocks."""

from __future__ import annotations

import numpy as np
import pytest

from minecover.arrays import Float64Array, Int64Array
from minecover.errors import DataError, SurveyError
from minecover.selection.forest import Measure, folds, forest_accuracy, forest_importance


def samples(n: int = 240, p: int = 7) -> tuple[Float64Array, Int64Array]:
    """Three classes told apart by features 2 and 5."""
    random = np.random.default_rng(0)
    y = random.integers(0, 3, n)
    x = random.normal(size=(n, p))
    x[:, 2] += 2.0 * y
    x[:, 5] += 3.0 * (y == 1)
    return x, y


@pytest.mark.parametrize("measure", ["impurity", "permutation"])
def test_telling_features_come_first(measure: Measure) -> None:
    x, y = samples()
    found = forest_importance(x, y, measure=measure, trees=40, repeats=2)
    assert set(np.argsort(-found.scores)[:2]) == {2, 5}
    assert found.measure == measure
    if measure == "permutation":
        assert found.accuracy is not None
        assert 0.7 < found.accuracy <= 1.0
    assert np.all(found.standard_error >= 0.0)


def test_impurity_is_shares_of_one() -> None:
    x, y = samples()
    assert forest_importance(x, y, trees=20).scores.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("measure", ["impurity", "permutation"])
def test_the_seed_decides_and_not_the_jobs(measure: Measure) -> None:
    x, y = samples()
    a, b = (
        forest_importance(x, y, measure=measure, trees=8, repeats=2, seed=3, n_jobs=jobs)
        for jobs in (1, 2)
    )
    np.testing.assert_allclose(a.scores, b.scores, rtol=0, atol=1e-12)
    other = forest_importance(x, y, measure=measure, trees=8, repeats=2, seed=4)
    assert not np.array_equal(a.scores, other.scores)


@pytest.mark.parametrize("measure", ["impurity", "permutation"])
def test_missing_values_are_no_obstacle(measure: Measure) -> None:
    x, y = samples()
    x[np.random.default_rng(1).random(x.shape) < 0.15] = np.nan
    found = forest_importance(x, y, measure=measure, trees=40, repeats=2)
    assert set(np.argsort(-found.scores)[:2]) == {2, 5}


def test_folds_keep_blocks_whole_and_cover_all() -> None:
    _, y = samples()
    groups = np.random.default_rng(2).integers(0, 12, y.size)
    held_back = []
    for train, held in folds(y, groups, 4, seed=0):
        assert not set(groups[train]) & set(groups[held])
        held_back.append(held)
    np.testing.assert_array_equal(np.sort(np.concatenate(held_back)), np.arange(y.size))


def test_blocks_lower_the_accuracy_of_what_was_learnt_by_heart() -> None:
    random = np.random.default_rng(4)
    groups = np.repeat(np.arange(30), 8)
    y = random.integers(0, 2, 30)[groups]
    x = random.normal(size=(30, 3))[groups] + 0.01 * random.normal(size=(240, 3))
    at_random = forest_accuracy(x, y, folds(y, None, 5, 0), trees=20, seed=0, n_jobs=1)
    by_block = forest_accuracy(x, y, folds(y, groups, 5, 0), trees=20, seed=0, n_jobs=1)
    assert at_random.mean() > 0.95
    assert by_block.mean() < 0.75


def test_errors_name_what_is_wrong() -> None:
    x, y = samples(30)
    with pytest.raises(DataError, match="2 spatial blocks cannot fill 3 folds"):
        forest_importance(x, y, measure="permutation", groups=np.arange(30) % 2)
    with pytest.raises(DataError, match="one each"):
        forest_importance(x, y, measure="permutation", groups=np.arange(29))
    with pytest.raises(DataError, match="for 3 folds"):
        forest_importance(x[:4], np.array([0, 0, 1, 1]), measure="permutation")
    empty = x.copy()
    empty[:, 1] = np.nan
    with pytest.raises(DataError, match=r"features \[1\] have no value"):
        forest_importance(empty, y)
    with pytest.raises(DataError, match="two classes"):
        forest_importance(x, np.zeros(30))
    with pytest.raises(SurveyError, match="trees 1"):
        forest_importance(x, y, trees=1)
