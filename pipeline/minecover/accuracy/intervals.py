"""Intervals of what a confusion matrix estimates, from redrawn points or blocks of points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from minecover.accuracy.estimates import Labels, confusion_matrix
from minecover.arrays import Float64Array, Int64Array

__all__ = ["Interval", "Intervals", "intervals", "wilson"]

DRAWS = 2000
"""Of the bootstrap."""

BOUNDS = (0.025, 0.975)
"""Quantiles of a 95 % interval."""

Interval = tuple[float, float]
"""Low and high; NaN where there is nothing to divide by."""

UNKNOWN: Interval = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Intervals:
    """95 % intervals, of the whole and of each class in order.

    Attributes
    ----------
    overall_accuracy, kappa, macro_f1
        Of the whole.
    users_accuracy, producers_accuracy, f1
        (class,) of each class.
    """

    overall_accuracy: Interval
    kappa: Interval
    macro_f1: Interval
    users_accuracy: tuple[Interval, ...]
    producers_accuracy: tuple[Interval, ...]
    f1: tuple[Interval, ...]


def intervals(
    reference: Labels,
    mapped: Labels,
    codes: Mapping[str, int],
    blocks: npt.NDArray[Any] | None = None,
    *,
    seed: int = 0,
) -> Intervals:
    """Estimate the intervals of a confusion matrix.

    Where points are independent, shares have Wilson's interval (1927, J. Am. Stat. Assoc. 22,
    209-212), which is right near 0 and 1 too, and kappa and F1 percentiles of a bootstrap that
    redraws points. Where they are alike within blocks, everything has those of one that redraws
    whole blocks (Davison & Hinkley 1997, Bootstrap Methods and their Application, 3.8); with fewer
    than some 20 blocks they are too narrow rather than too wide.

    Parameters
    ----------
    reference, mapped
        (n,) class codes of the same points, at least one.
    codes
        Class name to code, in order.
    blocks
        (n,) block of each point; None: the points are independent.
    seed
        The same seed gives the same intervals.
    """
    matrix = confusion_matrix(reference, mapped, codes)
    rng = np.random.default_rng(seed)
    if blocks is None:
        drawn = _statistics(_redrawn_points(matrix, rng))
        right, total = np.diagonal(matrix), int(matrix.sum())
        overall = wilson(int(right.sum()), total)
        users, producers = (
            tuple(wilson(int(k), int(n)) for k, n in zip(right, matrix.sum(axis=axis), strict=True))
            for axis in (0, 1)
        )
    else:
        drawn = _statistics(_redrawn_blocks(reference, mapped, codes, blocks, rng))
        overall = _percentiles(drawn["overall_accuracy"])
        users, producers = (
            tuple(map(_percentiles, drawn[name].T))
            for name in ("users_accuracy", "producers_accuracy")
        )
    return Intervals(
        overall_accuracy=overall,
        kappa=_percentiles(drawn["kappa"]),
        macro_f1=_percentiles(drawn["macro_f1"]),
        users_accuracy=users,
        producers_accuracy=producers,
        f1=tuple(map(_percentiles, drawn["f1"].T)),
    )


def wilson(right: int, points: int) -> Interval:
    """95 % score interval of a share of independent points; NaN where there are none."""
    if points == 0:
        return UNKNOWN
    found = binomtest(right, points).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _percentiles(values: Float64Array) -> Interval:
    known = values[np.isfinite(values)]
    if not len(known):
        return UNKNOWN
    low, high = np.quantile(known, BOUNDS)
    return float(low), float(high)


def _redrawn_points(matrix: Int64Array, rng: np.random.Generator) -> Int64Array:
    """(draw, class, class) matrices of as many points."""
    total = int(matrix.sum())
    drawn = rng.multinomial(total, matrix.ravel() / total, size=DRAWS)
    return drawn.reshape(DRAWS, *matrix.shape)


def _redrawn_blocks(
    reference: Labels,
    mapped: Labels,
    codes: Mapping[str, int],
    blocks: npt.NDArray[Any],
    rng: np.random.Generator,
) -> Int64Array:
    """(draw, class, class) matrices of as many blocks."""
    _, inverse = np.unique(blocks, return_inverse=True)
    count, size = int(inverse.max()) + 1, len(codes)
    order = list(codes.values())
    position = {code: place for place, code in enumerate(order)}
    rows, columns = (
        np.array([position[int(code)] for code in labels], dtype=np.int64)
        for labels in (reference, mapped)
    )
    cells = (inverse * size + rows) * size + columns
    of_block = np.bincount(cells, minlength=count * size**2).reshape(count, -1)
    drawn = [rng.multinomial(count, np.full(count, 1 / count)) @ of_block for _ in range(DRAWS)]
    return np.array(drawn, dtype=np.int64).reshape(DRAWS, size, size)


def _statistics(matrices: Int64Array) -> dict[str, Float64Array]:
    """Estimates of many matrices, (draw, class, class); NaN where there is nothing to divide by."""
    right = np.diagonal(matrices, axis1=1, axis2=2)
    reference, mapped = matrices.sum(axis=2), matrices.sum(axis=1)
    total, agreed = matrices.sum(axis=(1, 2)), right.sum(axis=1)
    chance = (reference * mapped).sum(axis=1)
    f1 = _ratio(2 * right, reference + mapped)
    occurring = np.isfinite(f1)
    return {
        "overall_accuracy": _ratio(agreed, total),
        "kappa": _ratio(total * agreed - chance, total**2 - chance),
        "macro_f1": np.where(occurring, f1, 0.0).sum(axis=1) / occurring.sum(axis=1),
        "users_accuracy": _ratio(right, mapped),
        "producers_accuracy": _ratio(right, reference),
        "f1": f1,
    }


def _ratio(part: Int64Array, whole: Int64Array) -> Float64Array:
    known = np.full(part.shape, np.nan)
    np.divide(part, whole, out=known, where=whole != 0)
    return known
