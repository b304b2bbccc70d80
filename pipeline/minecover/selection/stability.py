"""How far a choice of features depends on the samples it was made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from minecover.arrays import Float64Array, Int64Array
from minecover.errors import DataError
from minecover.selection.forest import folds

__all__ = ["Stability", "bootstrap_rows", "jaccard", "kuncheva", "left_out_rows", "stability"]

How = Literal["bootstrap", "spatial block"]


@dataclass(frozen=True)
class Stability:
    """How often each feature is among the chosen number when the samples change.

    Attributes
    ----------
    how
        Samples drawn again, or spatial blocks left out in turn.
    resamples
        Choices compared.
    frequency
        Share of the choices that hold each feature, 0-1, in the order of the features.
    kuncheva, jaccard
        Mean over pairs of choices of their consistency: Kuncheva (2007) corrects for chance
        (0 as chance has it, 1 the same), Jaccard is the shared part of both (0-1).
    """

    how: How
    resamples: int
    frequency: tuple[float, ...]
    kuncheva: float
    jaccard: float


def kuncheva(a: set[int], b: set[int], features: int) -> float:
    """Consistency of two choices of equal size k among p features: (r p - k²) / (k (p - k)).

    r features are in both (Kuncheva 2007, a stability index for feature selection, eq. 2).
    Choosing all or none can only be done in one way: 1.
    """
    k = len(a)
    if k in (0, features):
        return 1.0
    return (len(a & b) * features - k * k) / (k * (features - k))


def jaccard(a: set[int], b: set[int]) -> float:
    """Features in both over features in either; two empty choices are the same: 1."""
    either = len(a | b)
    return len(a & b) / either if either else 1.0


def bootstrap_rows(number: Int64Array, resamples: int, seed: int) -> list[Int64Array]:
    """Rows of each resample: the distinct ones of n drawn with replacement within each class.

    Copies are left out because a copy would be its own nearest hit in Relief-F.
    """
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(number == c) for c in range(int(number.max()) + 1)]
    return [
        np.unique(np.concatenate([random.choice(rows, rows.size) for rows in members]))
        for _ in range(resamples)
    ]


def left_out_rows(
    number: Int64Array, groups: Int64Array, resamples: int, seed: int
) -> list[Int64Array]:
    """Rows that remain when spatial blocks are left out, in ``resamples`` portions at most.

    Raises
    ------
    DataError
        Fewer than two blocks.
    """
    blocks = np.unique(groups).size
    if blocks < 2:
        raise DataError("all samples lie in one spatial block: use smaller blocks")
    return [train for train, _ in folds(number, groups, min(resamples, blocks), seed)]


def stability(
    choose: Callable[[Int64Array], list[int]], rows: list[Int64Array], features: int, how: How
) -> Stability:
    """Compare what ``choose`` chooses from each of ``rows`` (two resamples or more)."""
    choices = [set(choose(chosen)) for chosen in rows]
    count: Float64Array = np.zeros(features)
    for choice in choices:
        count[list(choice)] += 1.0
    pairs = list(combinations(choices, 2))
    return Stability(
        how,
        len(choices),
        tuple((count / len(choices)).tolist()),
        float(np.mean([kuncheva(a, b, features) for a, b in pairs])),
        float(np.mean([jaccard(a, b) for a, b in pairs])),
    )
