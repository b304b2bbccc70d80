"""Folds: points divided at random, or by spatial blocks so that no patch meets a test patch.

Neighbouring pixels resemble each other, so a test point beside a training point flatters the
accuracy. Blocks keep whole squares of ground together (Roberts et al. 2017, Ecography 40,
10.1111/ecog.02881), and a buffer as wide as the patch removes what still touches at their seams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from minecover.accuracy.units import places_of, units
from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.errors import SurveyError

__all__ = [
    "Folds", "apart_from", "area_folds", "block_edge", "divided_apart", "fitting_edge",
    "random_folds", "spatial_folds",
]  # fmt: skip


RESTARTS = 8
"""Seeded orders in which blocks are dealt out; the most balanced one is kept."""

FEW_BLOCKS = 500
"""With more of them the first order is balanced enough."""

PASSES = 10
"""Rounds in which each block may still move to a better fold."""

SHRINK = 0.95
"""Of its edge, when a block is made smaller."""

ABSENT = 10.0
"""Cost of a class missing from a fold; a class at twice its share costs 1."""


@dataclass(frozen=True)
class Folds:
    """A fold for each point.

    Attributes
    ----------
    fold
        (n,) int64, 0 to `count` - 1.
    block
        (n,) int64: the block of each point, numbered row by row over the grid; for a random
        division, the point itself or its polygon.
    count
        Number of folds.
    warnings
        What the division falls short of, in sentences for the report.
    """

    fold: Int64Array
    block: Int64Array
    count: int
    warnings: tuple[str, ...] = ()


def block_edge(block: float, resolution: float, window: int) -> int:
    """Edge of a block in pixels: `block` metres, but never below the patch.

    Parameters
    ----------
    block
        Edge wanted, in metres.
    resolution
        Of a pixel, in metres.
    window
        Edge of a patch in pixels.
    """
    return max(round(block / resolution), window, 1)


def fitting_edge(
    frame: pd.DataFrame, groups: Int64Array, edge: int, *, least: int, blocks: int
) -> int:
    """Make blocks smaller until every group has points in enough of them.

    Parameters
    ----------
    frame
        n points with the columns row and col.
    groups
        (n,) number of each point's group.
    edge
        Wanted, in pixels.
    least
        Below which it is not made smaller, however few blocks there are.
    blocks
        In which the points of each group must lie.
    """
    while edge > least and _fewest_blocks(frame, groups, edge) < blocks:
        edge = max(least, min(edge - 1, int(edge * SHRINK)))
    return edge


def _fewest_blocks(frame: pd.DataFrame, groups: Int64Array, edge: int) -> int:
    places = places_of(frame) // edge
    return min(len(np.unique(places[groups == group], axis=0)) for group in np.unique(groups))


def random_folds(frame: pd.DataFrame, folds: int, seed: int) -> Folds:
    """Divide points at random, each class evenly (to within one point or polygon a fold).

    Parameters
    ----------
    frame
        n points with the column code, and polygon as `places_of` takes it.
    folds
        Their number.
    seed
        The same seed gives the same folds.
    """
    rng = np.random.default_rng(seed)
    unit = units(frame)
    _, first, sizes = np.unique(unit, return_index=True, return_counts=True)
    codes = frame["code"].to_numpy()[first]
    order = rng.permutation(len(codes))
    # dealing the classes one after the other keeps the folds' sizes within one unit as well
    dealt = order[np.lexsort((-sizes[order], codes[order]))]
    fold = np.empty(len(codes), dtype=np.int64)
    fold[dealt] = np.arange(len(codes)) % folds
    return Folds(fold[unit], unit, folds)


def spatial_folds(
    frame: pd.DataFrame,
    *,
    edge: int,
    folds: int,
    seed: int,
    names: Mapping[int, str] | None = None,
) -> Folds:
    """Divide points by square blocks so that every fold gets its share of every class.

    Blocks are dealt out, those with the largest share of a class first, each to the fold where it
    brings the classes' counts nearest to even; then blocks move while that improves. Several seeded
    orders are tried.

    Parameters
    ----------
    frame
        n points with the columns row, col and code, and polygon as `places_of` takes it.
    edge
        Of a block, in pixels of the grid.
    folds
        Their number.
    seed
        The same seed gives the same folds.
    names
        Code to class name, for the warnings.

    Raises
    ------
    SurveyError
        Fewer blocks hold points than there are folds.
    """
    rows, columns = (places_of(frame) // edge).T
    across = int(columns.max(initial=0)) + 1
    ids, inverse = np.unique(rows * across + columns, return_inverse=True)
    if len(ids) < folds:
        raise SurveyError(_too_few(len(ids), edge, folds))
    codes, code_index = np.unique(frame["code"].to_numpy(), return_inverse=True)
    counts = np.zeros((len(ids), len(codes)))
    np.add.at(counts, (inverse, code_index), 1)
    assigned = _balance(counts, folds, np.random.default_rng(seed))
    labels = [str((names or {}).get(int(code), int(code))) for code in codes]
    return Folds(assigned[inverse], ids[inverse], folds, _absences(counts, assigned, folds, labels))


def area_folds(frame: pd.DataFrame, folds: int, seed: int) -> Folds:
    """Divide points into compact areas, each a fold of its own: accuracy on ground far away.

    Parameters
    ----------
    frame
        n points with the columns row, col and block.
    folds
        Number of areas (k-means of the points' places).
    seed
        The same seed gives the same areas.

    Raises
    ------
    SurveyError
        Fewer places than areas.
    """
    places = places_of(frame).astype(np.float64)
    if len(np.unique(places, axis=0)) < folds:
        raise SurveyError(
            f"samples.folds: {folds} areas of {len(places)} points; give more points, fewer "
            "samples.folds, or leave assessment.areas out"
        )
    from sklearn.cluster import KMeans  # takes a second to import, as all of scikit-learn

    fold = KMeans(folds, n_init=10, random_state=seed).fit_predict(places).astype(np.int64)
    return Folds(fold, frame["block"].to_numpy(np.int64), folds)


def divided_apart(
    frame: pd.DataFrame, groups: Int64Array, divide: Callable[[pd.DataFrame], Folds]
) -> Folds:
    """Divide each group of points by itself, so that each has its share of every fold.

    Parameters
    ----------
    frame
        n points.
    groups
        (n,) number of each point's group.
    divide
        One of the divisions above, into the same number of folds for each group.

    Returns
    -------
    Folds in which no block is of two groups.
    """
    fold, block = np.empty(len(frame), dtype=np.int64), np.empty(len(frame), dtype=np.int64)
    first, parts = 0, []
    for group in np.unique(groups):
        here = groups == group
        parts.append(divide(frame[here]))
        fold[here], block[here] = parts[-1].fold, first + parts[-1].block
        first = int(block[here].max()) + 1
    warnings = tuple(warning for part in parts for warning in part.warnings)
    return Folds(fold, block, parts[0].count, warnings)


def _too_few(blocks: int, edge: int, folds: int) -> str:
    return (
        f"samples.block: only {blocks} block(s) of {edge} x {edge} pixels hold points, fewer than "
        f"samples.folds ({folds}); make samples.block smaller, or samples.folds fewer"
    )


def _balance(counts: Float64Array, folds: int, rng: np.random.Generator) -> Int64Array:
    """Fold of each block, from (block, class) counts."""
    target = counts.sum(axis=0) / folds
    weight = (counts / target).max(axis=1)
    best, lowest = np.zeros(len(counts), dtype=np.int64), np.inf
    for _ in range(RESTARTS if len(counts) <= FEW_BLOCKS else 1):
        # ties, and blocks with nearly as large a share, come in another order each time
        order = np.argsort(-weight * rng.uniform(0.8, 1.0, len(weight)), kind="stable")
        assigned, totals = _deal(counts, target, order, folds)
        _improve(counts, target, order, assigned, totals)
        cost = float(_cost(totals, target).sum())
        if cost < lowest - 1e-12:
            best, lowest = assigned, cost
    return best


def _cost(totals: Float64Array, target: Float64Array) -> Float64Array:
    """Distance of each fold (rows of class counts) from an even share."""
    squares = ((totals / target - 1) ** 2).sum(axis=-1)
    return np.asarray(squares + ABSENT * (totals == 0).sum(axis=-1))


def _deal(
    counts: Float64Array, target: Float64Array, order: Int64Array, folds: int
) -> tuple[Int64Array, Float64Array]:
    totals = np.zeros((folds, counts.shape[1]))
    assigned = np.full(len(counts), -1, dtype=np.int64)
    for position, block in enumerate(order):
        gain = _cost(totals + counts[block], target) - _cost(totals, target)
        if len(order) - position <= (totals.sum(axis=1) == 0).sum():
            gain[totals.sum(axis=1) > 0] = np.inf  # no fold stays empty
        assigned[block] = int(np.argmin(gain))
        totals[assigned[block]] += counts[block]
    return assigned, totals


def _improve(
    counts: Float64Array,
    target: Float64Array,
    order: Int64Array,
    assigned: Int64Array,
    totals: Float64Array,
) -> None:
    """Move single blocks, in place, while the folds get more even."""
    for _ in range(PASSES):
        moved = False
        for block in order:
            here = assigned[block]
            left = totals[here] - counts[block]
            if not left.any():
                continue
            change = _cost(totals + counts[block], target) - _cost(totals, target)
            change += _cost(left, target) - _cost(totals[here], target)
            change[here] = 0.0
            there = int(np.argmin(change))
            if change[there] < -1e-9:
                totals[here] = left
                totals[there] += counts[block]
                assigned[block], moved = there, True
        if not moved:
            return


def _absences(
    counts: Float64Array, assigned: Int64Array, folds: int, labels: list[str]
) -> tuple[str, ...]:
    totals = np.zeros((folds, counts.shape[1]))
    np.add.at(totals, assigned, counts)
    warnings = []
    for index, label in enumerate(labels):
        missing = np.flatnonzero(totals[:, index] == 0)
        if len(missing):
            held = int((counts[:, index] > 0).sum())
            folds_text = ", ".join(str(fold) for fold in missing)
            warnings.append(
                f"class {label} lies in {held} spatial block(s), so fold(s) {folds_text} of "
                f"{folds} hold no point of it; make blocks smaller, or give points elsewhere"
            )
    return tuple(warnings)


def apart_from(frame: pd.DataFrame, points: BoolArray, distance: int) -> BoolArray:
    """Find the other points that are at least some pixels away from all of these.

    Two patches of `window` pixels share a pixel exactly where their centres are closer than
    `window` in the Chebyshev distance.

    Parameters
    ----------
    frame
        n points with the columns row and col.
    points
        (n,) the points to keep away from.
    distance
        In pixels: the edge of a patch, or 1 where a model sees the pixel alone.

    Returns
    -------
    (n,) bool.
    """
    apart: BoolArray = ~points
    if points.any() and apart.any():
        places = frame[["row", "col"]].to_numpy(dtype=np.float64)
        nearest, _ = cKDTree(places[points]).query(places[apart], p=np.inf)
        apart[apart] = nearest >= distance
    return apart
