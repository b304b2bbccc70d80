"""How much a pixel would teach: the uncertain and the unlike most."""

from __future__ import annotations

import numpy as np

from minecover.arrays import Float32Array

__all__ = ["teaching_weight"]


def teaching_weight(
    entropy: Float32Array,
    most: float,
    dissimilarity: Float32Array | None = None,
    threshold: float = 1.0,
) -> Float32Array:
    """Weigh pixels by what the map does not know of them.

    Parameters
    ----------
    entropy
        Of the classes' probabilities, NaN where nodata.
    most
        Greatest entropy that there may be, in its unit.
    dissimilarity, threshold
        Index of the area of applicability, and where that ends; None: not known.

    Returns
    -------
    Of the shape of the entropy, 0 to 1, NaN where nodata: the entropy as a share of the greatest,
    and where a pixel is so unlike all samples that its probabilities mean little, 1.
    """
    weight = np.clip(entropy / np.float32(most), 0.0, 1.0)
    if dissimilarity is not None:
        weight = np.where(dissimilarity > threshold, np.float32(1.0), weight)
    return np.where(np.isnan(entropy), np.float32(np.nan), weight).astype(np.float32)
