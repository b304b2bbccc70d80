"""Random-forest importance of features (Breiman 2001, 10.1023/A:1010933404324).

Missing values go to the forest as they are: at each split scikit-learn sends them to whichever
side gains more, so nothing is imputed and no sample is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from joblib import parallel_config
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from minecover.arrays import Float64Array, Int64Array
from minecover.errors import DataError, SurveyError
from minecover.selection.packing import checked, encode

__all__ = ["ForestScores", "folds", "forest_accuracy", "forest_importance"]

Measure = Literal["impurity", "permutation"]


@dataclass(frozen=True)
class ForestScores:
    """Importance of the features to a random forest.

    Attributes
    ----------
    scores
        (p,) by impurity the mean decrease of the Gini impurity, summing to 1; by permutation the
        accuracy lost on samples held back when the feature's values are shuffled among them.
    standard_error
        (p,) over the trees, or over folds and repeated shuffles.
    accuracy
        Overall accuracy, 0-1, on the folds held back; None for impurity, which holds none back.
    measure
        Which of the two.
    """

    scores: Float64Array
    standard_error: Float64Array
    accuracy: float | None
    measure: Measure


def folds(
    number: Int64Array, groups: npt.NDArray[np.generic] | None, count: int, seed: int
) -> list[tuple[Int64Array, Int64Array]]:
    """Cut samples into ``count`` folds: rows to train on and rows held back, for each fold.

    Groups (spatial blocks) are never divided between folds; without them, samples of each class
    are dealt out at random.

    Raises
    ------
    DataError
        Fewer groups than folds, or no class with a sample for each fold.
    """
    if groups is None:
        if np.bincount(number).max() < count:
            raise DataError(
                f"no class has {count} samples for {count} folds: give more samples or fewer folds"
            )
        return _split(StratifiedKFold(count, shuffle=True, random_state=seed), number, None)
    blocks, block = np.unique(groups, return_inverse=True)
    if block.shape != number.shape:
        raise DataError(f"{number.size} samples but groups of shape {block.shape}: give one each")
    if blocks.size < count:
        raise DataError(
            f"{blocks.size} spatial blocks cannot fill {count} folds: "
            "use smaller blocks or fewer folds"
        )
    return _split(StratifiedGroupKFold(count, shuffle=True, random_state=seed), number, block)


def _split(
    splitter: StratifiedKFold | StratifiedGroupKFold, number: Int64Array, block: Int64Array | None
) -> list[tuple[Int64Array, Int64Array]]:
    cuts = splitter.split(np.zeros((number.size, 1)), number, block)
    return [(np.asarray(train), np.asarray(held)) for train, held in cuts]


def _forest(trees: int, seed: int, n_jobs: int) -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=trees, random_state=seed, n_jobs=n_jobs)


def forest_accuracy(
    x: Float64Array,
    number: Int64Array,
    cuts: list[tuple[Int64Array, Int64Array]],
    *,
    trees: int,
    seed: int,
    n_jobs: int,
) -> Float64Array:
    """Overall accuracy (fold,), 0-1, of a forest on each fold held back."""
    scores = [
        _forest(trees, seed, n_jobs).fit(x[train], number[train]).score(x[held], number[held])
        for train, held in cuts
    ]
    return np.array(scores)


def forest_importance(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    measure: Measure = "impurity",
    groups: npt.ArrayLike | None = None,
    trees: int = 300,
    fold_count: int = 3,
    repeats: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
) -> ForestScores:
    """Score features by what a random forest makes of them.

    Parameters
    ----------
    x
        (n, p) samples, NaN where a value is missing.
    y
        (n,) class of each sample.
    measure
        Impurity costs one forest but favours features of many values; permutation is measured on
        samples held back and costs ``fold_count`` forests and p x repeats predictions of each.
    groups
        (n,) spatial block of each sample, kept whole when folds are cut (permutation only).
    trees, fold_count, repeats
        Size of a forest; folds held back in turn; shuffles of each feature on each.
    seed, n_jobs
        The result depends on the seed and not on the number of jobs.

    Returns
    -------
    ForestScores
        Scores in the order of the features.

    Raises
    ------
    DataError
        Arrays that do not fit, infinite values, a feature without any value, one class only, or
        too few blocks.
    SurveyError
        Settings out of range.
    """
    if trees < 2 or fold_count < 2 or repeats < 1:
        raise SurveyError(
            f"trees {trees}, fold_count {fold_count}, repeats {repeats}: give 2, 2 and 1 or more"
        )
    values, labels = checked(x, y)
    empty = np.flatnonzero(np.isnan(values).all(axis=0))
    if empty.size:
        raise DataError(f"features {empty.tolist()} have no value in any sample: leave them out")
    _, number = encode(labels)
    if measure == "impurity":
        return _impurity(values, number, trees, seed, n_jobs)
    blocks = None if groups is None else np.asarray(groups)
    cuts = folds(number, blocks, fold_count, seed)
    return _permutation(values, number, cuts, trees, repeats, seed, n_jobs)


def _impurity(
    x: Float64Array, number: Int64Array, trees: int, seed: int, n_jobs: int
) -> ForestScores:
    forest = _forest(trees, seed, n_jobs).fit(x, number)
    of_trees = np.array([tree.feature_importances_ for tree in forest.estimators_])
    error = of_trees.std(axis=0, ddof=1) / np.sqrt(trees)
    return ForestScores(forest.feature_importances_, error, None, "impurity")


def _permutation(
    x: Float64Array,
    number: Int64Array,
    cuts: list[tuple[Int64Array, Int64Array]],
    trees: int,
    repeats: int,
    seed: int,
    n_jobs: int,
) -> ForestScores:
    lost, accuracy = [], []
    for train, held in cuts:
        forest = _forest(trees, seed, n_jobs).fit(x[train], number[train])
        forest.n_jobs = 1  # the shuffles are shared out instead
        with parallel_config(backend="threading"):  # trees let other threads run
            result = permutation_importance(
                forest, x[held], number[held], n_repeats=repeats, random_state=seed, n_jobs=n_jobs
            )
        lost.append(result.importances)
        accuracy.append(forest.score(x[held], number[held]))
    samples = np.concatenate(lost, axis=1)
    error = samples.std(axis=1, ddof=1) / np.sqrt(samples.shape[1])
    return ForestScores(samples.mean(axis=1), error, float(np.mean(accuracy)), "permutation")
