"""Parameters of models, searched for on the training points alone.

The search's own folds keep spatial blocks whole, whatever the split that is tested: parameters
that suit neighbours of the training points are not what a map needs.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from minecover.arrays import Int64Array
from minecover.errors import DataError
from minecover.models.classifier import Classifier
from minecover.models.lookup import kind_of
from minecover.models.task import TrainingTask

__all__ = ["inner_folds", "search"]


INNER_FOLDS = 3
"""At most: training points in two blocks make two."""


def search(task: TrainingTask, blocks: Int64Array) -> tuple[Classifier, dict[str, Any]]:
    """Find the parameters of a model that has any, and train it with them on all of the data.

    Parameters
    ----------
    task
        All of its samples are trained on.
    blocks
        (sample,) the spatial block of each.

    Returns
    -------
    The classifier, and the parameters that were best by overall accuracy (the first of equals).

    Raises
    ------
    DataError
        The samples lie in one block.
    """
    settings = task.settings
    folds = inner_folds(task.data.labels, blocks, settings.seed)
    return kind_of(settings).search(task, folds)


def inner_folds(labels: Int64Array, blocks: Int64Array, seed: int) -> Int64Array:
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
        # a class of fewer points than folds is refused where the samples are read
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for number, (_, tested) in enumerate(dealer.split(labels[:, None], labels, blocks)):
            fold[tested] = number
    return fold
