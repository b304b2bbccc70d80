"""Parameters of the classical models, searched for with dask-ml on the training points alone.

The search's own folds keep spatial blocks whole, whatever the split that is tested: parameters
that suit neighbours of the training points are not what a map needs.
"""

from __future__ import annotations

import warnings
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
from dask_ml.model_selection import GridSearchCV
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import PredefinedSplit, StratifiedGroupKFold

from minecover.errors import DataError
from minecover.models.classical import ESTIMATORS, ClassicalClassifier
from minecover.models.data import TrainingData
from minecover.models.settings import ModelSettings
from minecover.models.standardise import Standardiser
from minecover.models.training import class_weights

__all__ = ["GRIDS", "inner_folds", "search"]

IntArray = npt.NDArray[np.int64]

INNER_FOLDS = 3
"""At most: training points in two blocks make two."""

GRIDS: dict[str, dict[str, list[Any]]] = {
    "rf": {"max_features": ["sqrt", 0.3], "min_samples_leaf": [1, 3]},
    "ann": {"hidden_layer_sizes": [(64,), (128, 64)], "alpha": [1e-4, 1e-3, 1e-2]},
    "knn": {"n_neighbors": [3, 5, 9, 15], "weights": ["uniform", "distance"]},
    "svm": {"C": [1.0, 10.0, 100.0], "gamma": ["scale", 0.003, 0.03]},
    "nb": {"var_smoothing": [1e-9, 1e-6, 1e-3, 1e-2, 1e-1]},
}
"""Values that are tried, every one with every other; what the paper's authors tried is not told."""


def search(
    settings: ModelSettings, data: TrainingData, blocks: IntArray, threads: int
) -> tuple[ClassicalClassifier, dict[str, Any]]:
    """Find a classical model's parameters, and fit it with them to all of the data.

    The support vectors are searched for without their calibration, which turns decisions into
    probabilities and hardly moves the class they name, at a third of the time.

    Parameters
    ----------
    settings
        Kind, seed and weighting of the classes.
    data
        Training samples, of which the centre pixels are used.
    blocks
        (sample,) the spatial block of each.
    threads
        Fits at once, by Dask's threads.

    Returns
    -------
    The classifier, and the parameters that were best by overall accuracy (the first of equals).

    Raises
    ------
    DataError
        The samples lie in one block.
    """
    everyone = np.ones(len(data.labels), dtype=bool)
    weights = class_weights(data, everyone, balanced=settings.class_weights == "balanced")
    standardiser = Standardiser.fit(data.centres, data.layers)
    pixels = standardiser.apply(data.centres, axis=1)
    extra = {} if settings.kind == "knn" else {"sample_weight": weights}
    estimator: Any = ESTIMATORS[settings.kind](settings.seed)
    vectors = settings.kind == "svm"
    searched = GridSearchCV(
        estimator.estimator if vectors else estimator,
        GRIDS[settings.kind],
        cv=PredefinedSplit(inner_folds(data.labels, blocks, settings.seed)),
        refit=False,
        scheduler="threads" if threads > 1 else "synchronous",
        n_jobs=threads,
    )
    with joblib.parallel_config("threading", n_jobs=1), warnings.catch_warnings():
        # the perceptron stops after a fixed number of epochs, converged or not
        warnings.simplefilter("ignore", ConvergenceWarning)
        searched.fit(pixels, data.labels, **extra)
        results = searched.cv_results_
        best = results["params"][int(np.argmax(results["mean_test_score"]))]
        prefix = "estimator__" if vectors else ""
        estimator.set_params(**{prefix + name: value for name, value in best.items()})
        estimator.fit(pixels, data.labels, **extra)
    found = ClassicalClassifier(settings.kind, data.layers, data.classes, standardiser, estimator)
    return found, dict(best)


def inner_folds(labels: IntArray, blocks: IntArray, seed: int) -> IntArray:
    """Fold of each training sample: blocks whole, classes as even as they allow.

    Raises
    ------
    DataError
        They lie in one block.
    """
    count = min(INNER_FOLDS, len(np.unique(blocks)))
    if count < 2:
        raise DataError(
            "samples: the training points lie in one spatial block, too few to search for "
            "parameters; make samples.block smaller, or go without --search"
        )
    dealer = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    fold = np.zeros(len(labels), dtype=np.int64)
    with warnings.catch_warnings():
        # a class of fewer points than folds is told of where the samples are read
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for number, (_, tested) in enumerate(dealer.split(labels[:, None], labels, blocks)):
            fold[tested] = number
    return fold
