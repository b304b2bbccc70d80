"""Intervals of what a confusion matrix estimates, from redrawn points or blocks of points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from minecover.accuracy.estimates import Labels, block_interval
from minecover.accuracy.few import FEW_BLOCKS, FEW_POINTS
from minecover.accuracy.scores import (
    effective_points,
    f1_of_jaccard,
    kappa_of_accuracy,
    mean_of_independent,
    paired_difference,
    wilson,
)
from minecover.arrays import Float64Array, Int64Array

__all__ = ["Interval", "Intervals", "difference_interval", "intervals"]

DRAWS = 2000
"""Of the bootstrap."""

BOUNDS = (0.025, 0.975)
"""Quantiles of a 95 % interval."""

CHUNK = 100
"""Draws made at once, so that memory does not grow with many blocks."""


class Interval(NamedTuple):
    """Low and high, NaN where there is nothing to divide by, and how they were found.

    `method` is "bootstrap" or "score" (Wilson's and what follows from it).
    """

    low: float
    high: float
    method: str

    def to_dict(self) -> dict[str, Any] | None:
        """As JSON wants it; None where it is not defined."""
        if not math.isfinite(self.low):
            return None
        return {"low": round(self.low, 4), "high": round(self.high, 4), "method": self.method}


UNKNOWN = Interval(float("nan"), float("nan"), "score")


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

    def to_dict(self, names: tuple[str, ...]) -> dict[str, Any]:
        """As JSON wants it, by the names of the classes."""
        whole = ("overall_accuracy", "kappa", "macro_f1")
        parts = ("users_accuracy", "producers_accuracy", "f1")
        classes = {
            name: {part: getattr(self, part)[place].to_dict() for part in parts}
            for place, name in enumerate(names)
        }
        return {**{name: getattr(self, name).to_dict() for name in whole}, "classes": classes}


@dataclass(frozen=True)
class _Groups:
    """Points counted by groups that are redrawn whole, (group, class).

    Attributes
    ----------
    right, reference, mapped
        Points that are right, of the class, and mapped as it.
    share
        (group,) chance of each group in a draw.
    times
        (group,) how often a group holds what one draw of it gives.
    drawn
        Groups in a draw.
    independent
        Whether points are independent, and a group is but all points that are alike.
    """

    right: Float64Array
    reference: Float64Array
    mapped: Float64Array
    share: Float64Array
    times: Float64Array
    drawn: int
    independent: bool

    def statistics(self, rng: np.random.Generator) -> dict[str, Float64Array]:
        """Estimates of each draw, (draw,) or (draw, class)."""
        table = np.concatenate([self.right, self.reference, self.mapped], axis=1)
        table /= self.times[:, None]
        sums = [
            rng.multinomial(self.drawn, self.share, size=CHUNK) @ table
            for _ in range(DRAWS // CHUNK)
        ]
        return _statistics(*np.split(np.concatenate(sums), 3, axis=1))


def intervals(
    reference: Labels,
    mapped: Labels,
    codes: Mapping[str, int],
    blocks: npt.NDArray[Any] | None = None,
    *,
    seed: int = 0,
) -> Intervals:
    """Estimate the intervals of a confusion matrix.

    Where points are alike within blocks, a bootstrap redraws whole blocks (Davison & Hinkley 1997,
    Bootstrap Methods and their Application, 3.8). It has no width where all points are right, and
    too little where there are few: below `FEW_POINTS` points or `FEW_BLOCKS` blocks, and where
    none or all are right, a share has Wilson's score interval (1927, J. Am. Stat. Assoc. 22,
    209-212) with the number of independent points that the blocks leave, and F1, kappa and
    macro-F1 what follows from it (`minecover.accuracy.scores`). Where points are independent,
    shares always have Wilson's. All lie between 0 and 1, kappa between -1 and 1.

    Parameters
    ----------
    reference, mapped
        (n,) class codes of the same points; of none there is no interval.
    codes
        Class name to code, in order.
    blocks
        (n,) block of each point; None: the points are independent.
    seed
        The same seed gives the same intervals.
    """
    if not len(reference):
        none = (UNKNOWN,) * len(codes)
        return Intervals(UNKNOWN, UNKNOWN, UNKNOWN, none, none, none)
    groups = _grouped(reference, mapped, codes, blocks)
    drawn = groups.statistics(np.random.default_rng(seed))
    right, total = groups.right.sum(axis=1), groups.reference.sum(axis=1)
    shares_drawn = blocks is not None
    scored = _score(right, total, groups.independent)
    boot = _is_enough(right, total, groups.independent)
    chance = float((groups.reference.sum(axis=0) @ groups.mapped.sum(axis=0)) / total.sum() ** 2)
    f1 = tuple(_f1(groups, drawn["f1"]))
    values = _statistics(*(getattr(groups, name).sum(axis=0)[None] for name in COUNTS))
    macro = mean_of_independent(values["f1"][0].tolist(), [(item.low, item.high) for item in f1])
    return Intervals(
        overall_accuracy=_chosen(drawn["overall_accuracy"], scored, boot and shares_drawn),
        kappa=_chosen(drawn["kappa"], kappa_of_accuracy(scored, chance), boot),
        macro_f1=_chosen(drawn["macro_f1"], macro, boot),
        users_accuracy=tuple(_shares(groups, "mapped", drawn["users_accuracy"], shares_drawn)),
        producers_accuracy=tuple(
            _shares(groups, "reference", drawn["producers_accuracy"], shares_drawn)
        ),
        f1=f1,
    )


COUNTS = ("right", "reference", "mapped")


def difference_interval(
    first: npt.NDArray[Any], second: npt.NDArray[Any], blocks: Int64Array, *, seed: int = 0
) -> Interval:
    """Interval of the difference of two shares at the same points, -1 to 1.

    By redrawing blocks, or as `paired_difference` has it where there is too little to redraw.

    Parameters
    ----------
    first, second
        (n,) bool at the same points.
    blocks
        (n,) block of each point.
    seed
        Of the bootstrap.
    """
    gain = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    count = len(np.unique(blocks))
    if len(gain) >= FEW_POINTS and count >= FEW_BLOCKS and len(np.unique(gain)) > 1:
        return Interval(*block_interval(gain, blocks, seed=seed), "bootstrap")
    _, inverse = np.unique(blocks, return_inverse=True)
    sums: Float64Array = np.bincount(inverse, weights=gain).astype(np.float64)
    sizes: Float64Array = np.bincount(inverse).astype(np.float64)
    points = effective_points(sums, sizes, float(gain.var()))
    return Interval(*paired_difference(gain.tolist(), points), "score")


def _grouped(
    reference: Labels, mapped: Labels, codes: Mapping[str, int], blocks: npt.NDArray[Any] | None
) -> _Groups:
    """Count right, reference and mapped points by block, or by what is alike."""
    size = len(codes)
    position = {code: place for place, code in enumerate(codes.values())}
    rows, columns = (
        np.array([position[int(code)] for code in labels], dtype=np.int64)
        for labels in (reference, mapped)
    )
    group = rows * size + columns if blocks is None else blocks
    _, inverse, counts = np.unique(group, return_inverse=True, return_counts=True)
    independent = blocks is None or bool((counts == 1).all())

    def counted(places: Int64Array, weights: Float64Array | None = None) -> Float64Array:
        cells = np.bincount(inverse * size + places, weights, minlength=len(counts) * size)
        return cells.reshape(len(counts), size).astype(np.float64)

    right = (rows == columns).astype(np.float64)
    return _Groups(
        right=counted(rows, right),
        reference=counted(rows),
        mapped=counted(columns),
        share=counts / len(rows) if blocks is None else np.full(len(counts), 1 / len(counts)),
        times=counts.astype(np.float64) if blocks is None else np.ones(len(counts)),
        drawn=len(rows) if blocks is None else len(counts),
        independent=independent,
    )


def _f1(groups: _Groups, drawn: Float64Array) -> Iterator[Interval]:
    """F1 of each class: the share of right points among those that it is about, transformed."""
    about = groups.reference + groups.mapped - groups.right
    for place in range(about.shape[1]):
        right, total = groups.right[:, place], about[:, place]
        scored = tuple(map(f1_of_jaccard, _score(right, total, groups.independent)))
        enough = _is_enough(right, total, groups.independent)
        yield _chosen(drawn[:, place], (scored[0], scored[1]), enough)


def _shares(groups: _Groups, of: str, drawn: Float64Array, is_drawn: bool) -> Iterator[Interval]:
    for place in range(groups.right.shape[1]):
        right, total = groups.right[:, place], getattr(groups, of)[:, place]
        enough = is_drawn and _is_enough(right, total, groups.independent)
        yield _chosen(drawn[:, place], _score(right, total, groups.independent), enough)


def _score(right: Float64Array, total: Float64Array, independent: bool) -> tuple[float, float]:
    """Wilson's interval of a share, of as many points as are independent."""
    points = float(total.sum())
    if points == 0:
        return float("nan"), float("nan")
    share = float(right.sum()) / points
    effective = points if independent else effective_points(right, total, share * (1 - share))
    return wilson(share, effective)


def _is_enough(right: Float64Array, total: Float64Array, independent: bool) -> bool:
    """Whether there is enough of both, right and wrong, to redraw."""
    points, correct = float(total.sum()), float(right.sum())
    blocks = points if independent else int((total > 0).sum())
    return points >= FEW_POINTS and blocks >= FEW_BLOCKS and 0 < correct < points


def _chosen(drawn: Float64Array, scored: tuple[float, float], is_drawn: bool) -> Interval:
    if not is_drawn:
        return Interval(*scored, "score") if math.isfinite(scored[0]) else UNKNOWN
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, BOUNDS)
    return Interval(float(low), float(high), "bootstrap")


def _statistics(
    right: Float64Array, reference: Float64Array, mapped: Float64Array
) -> dict[str, Float64Array]:
    """Estimates of many draws, (draw, class); NaN where there is nothing to divide by."""
    total, agreed = reference.sum(axis=1), right.sum(axis=1)
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


def _ratio(part: Float64Array, whole: Float64Array) -> Float64Array:
    known = np.full(part.shape, np.nan)
    np.divide(part, whole, out=known, where=whole != 0)
    return known
