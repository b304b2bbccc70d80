"""Classes of a point's neighbours in the space of its features."""

from __future__ import annotations

import numpy as np

from minecover.arrays import Float32Array, Float64Array, Int64Array

__all__ = ["neighbour_shares"]


def neighbour_shares(
    values: Float32Array, labels: Int64Array, classes: int, count: int = 10
) -> Float64Array:
    """Find of which classes the nearest other points are.

    Parameters
    ----------
    values
        (n, layer) features without NaN, in any units: they are divided by their deviations.
    labels
        (n,) places of classes.
    classes
        How many there are.
    count
        Neighbours that are looked at, at most; all others where there are fewer.

    Returns
    -------
    (n, class) share of the neighbours, the nearer ones with more weight (1 / distance); rows sum
    to 1, or are 0 where there is no other point.
    """
    deviation = values.std(axis=0, dtype=np.float64)
    scaled = values.astype(np.float64) / np.where(deviation > 0, deviation, 1.0)
    count = min(count, len(values) - 1)
    out = np.zeros((len(values), classes))
    if count < 1:
        return out
    from sklearn.neighbors import NearestNeighbors  # takes a second to import

    distance, near = NearestNeighbors(n_neighbors=count).fit(scaled).kneighbors()
    weight = 1 / np.maximum(distance, 1e-9 * max(1e-9, float(distance.max())))
    np.add.at(out, (np.arange(len(values))[:, None], labels[near]), weight)
    shares: Float64Array = out / out.sum(axis=1, keepdims=True)
    return shares
