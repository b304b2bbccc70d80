"""Points in the order in which their labels are worth another look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minecover.arrays import Float64Array, Int64Array

__all__ = ["Doubts", "doubts_of"]


@dataclass(frozen=True, eq=False)
class Doubts:
    """How doubtful the label of each point is.

    Attributes
    ----------
    doubt
        (n,) 0-1: 0 where everything speaks for the label, 1 where everything speaks for one other
        class; above 0.5 another class is more likely.
    likely
        (n,) place of the class that most speaks for besides the label.
    labelled, other
        (n,) probability of the label, and of the likely class, by the model.
    disagreeing
        (n,) share of the neighbours that have another label.
    """

    doubt: Float64Array
    likely: Int64Array
    labelled: Float64Array
    other: Float64Array
    disagreeing: Float64Array

    @property
    def order(self) -> Int64Array:
        """Points by doubt, the most doubtful first; of equals the first first."""
        return np.argsort(-self.doubt, kind="stable").astype(np.int64)


def doubts_of(labels: Int64Array, probabilities: Float64Array, shares: Float64Array) -> Doubts:
    """Measure how doubtful labels are.

    The doubt is (1 - margin) / 2, with the margin the probability of the label less that of the
    likeliest other class (the normalised margin of Northcutt et al. 2021), where the probability is
    the mean of the model's and of the share of neighbours.

    Parameters
    ----------
    labels
        (n,) places of classes.
    probabilities
        (n, class), out of sample, without NaN.
    shares
        (n, class) of the neighbours.
    """
    rows = np.arange(len(labels))
    both = (probabilities + shares) / 2
    others = both.copy()
    others[rows, labels] = -np.inf
    likely = others.argmax(axis=1).astype(np.int64)
    return Doubts(
        doubt=(1 - both[rows, labels] + both[rows, likely]) / 2,
        likely=likely,
        labelled=probabilities[rows, labels],
        other=probabilities[rows, likely],
        disagreeing=1 - shares[rows, labels],
    )
