"""A block as a model reads it in four parts."""

from __future__ import annotations

import numpy as np

from minecover.arrays import Float32Array
from minecover.models.classifier import Classifier

__all__ = ["read_in_parts"]


def read_in_parts(model: Classifier, x: Float32Array, row: int, column: int) -> Float32Array:
    """Probabilities of a block, (class, y, x), read in parts that meet before a row and a column.

    Each part is read with the halo around it, so that they are to be those of the whole block.
    """
    margin = 2 * model.halo
    bands = [
        [
            model.predict(x[:, top : bottom + margin, left : right + margin])
            for left, right in ((0, column), (column, x.shape[2] - margin))
        ]
        for top, bottom in ((0, row), (row, x.shape[1] - margin))
    ]
    return np.concatenate([np.concatenate(parts, axis=2) for parts in bands], axis=1)
