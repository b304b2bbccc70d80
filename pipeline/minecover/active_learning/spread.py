"""Points that differ from each other, of candidates that weigh differently.

Clusters of the candidates, weighted by what each would teach (k-means), and of every cluster the
candidate nearest to its centre: CLUE, Prabhu et al. 2021, 10.1109/ICCV48922.2021.00839.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from minecover.arrays import Float64Array, Int64Array

__all__ = ["spread"]


def spread(values: Float64Array, weights: Float64Array, count: int, seed: int) -> Int64Array:
    """Choose candidates.

    Parameters
    ----------
    values
        (candidate, layer) in a space where distances compare.
    weights
        (candidate,) what each would teach, above 0.
    count
        How many to choose; all where there are not more, fewer where they are too much alike.
    seed
        The same seed chooses the same.

    Returns
    -------
    Their rows, one of each cluster, the heaviest cluster first.
    """
    if len(values) <= count:
        return np.arange(len(values), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer clusters are fewer points
        means = KMeans(count, n_init=1, random_state=seed).fit(values, sample_weight=weights)
    distance = np.linalg.norm(values - means.cluster_centers_[means.labels_], axis=1)
    weight = np.bincount(means.labels_, weights, minlength=count)
    order = np.lexsort((distance, means.labels_))
    _, first = np.unique(means.labels_[order], return_index=True)
    chosen = order[first].astype(np.int64)
    return chosen[np.argsort(-weight[means.labels_[chosen]], kind="stable")]
