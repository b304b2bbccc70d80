"""Classification trees of a random forest, compiled (Breiman 2001, 10.1023/A:1010933404324).

Every feature is cut into at most `BINS` classes of equally many samples, and missing values have
one of their own; where a feature has no more different values than that, nothing is lost. A node
looks at as many features, drawn anew, as the square root of all, for the cut of the greatest
decrease of the Gini impurity; missing values go to the side where that is greater. Trees grow until
their leaves are pure. Sums are of whole numbers and draws come from a generator of this module, so
that a tree depends on its seed and on nothing of the machine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from minecover.arrays import Float64Array, Int64Array
from minecover.engines.compiled import compiled

__all__ = ["BINS", "Tree", "UInt8Array", "binned", "grow", "leaves"]

BINS = 254
"""Classes of a feature's values; the next is that of missing ones."""

MISSING = BINS + 1

UInt8Array = npt.NDArray[np.uint8]


class Tree(NamedTuple):
    """A tree; nodes in the order in which they were cut, the root first."""

    feature: Int64Array  # (node,) that it asks for; -1: a leaf
    cut: Int64Array  # (node,) greatest bin that goes left
    missing_left: npt.NDArray[np.bool_]  # (node,) whether missing values go left
    left: Int64Array  # (node,) first child; the second is the next node
    label: Int64Array  # (node,) most frequent class
    importance: Float64Array  # (feature,) decrease of the impurity, a share of the samples each


class _Work(NamedTuple):
    """What a tree uses again for each node."""

    state: npt.NDArray[np.uint64]  # (1,) of the generator
    order: Int64Array  # (feature,) as they are drawn
    table: Int64Array  # (bin, class + 1) counts, and their sum; zero between two uses


def binned(x: Float64Array) -> UInt8Array:
    """Cut the columns of (n, p) samples into classes, (p, n); missing values are `MISSING`."""
    out = np.full(x.shape[::-1], MISSING, dtype=np.uint8)
    for column, bins in zip(x.T, out, strict=True):
        present = ~np.isnan(column)
        values = np.unique(column[present])
        if values.size > BINS:
            values = np.sort(column[present])[np.arange(BINS) * present.sum() // BINS]
            values = np.unique(values)
        bins[present] = np.searchsorted(values, column[present], side="right") - 1
    return out


@compiled
def _mixed(seed: int) -> np.uint64:
    """Spread a seed over 64 bits that are not all zero (splitmix64)."""
    z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) | np.uint64(1)


@compiled
def _draw(state: npt.NDArray[np.uint64]) -> int:
    """Next 32 bits of a sequence (xorshift64*, Vigna 2016, 10.1145/2845077)."""
    s = state[0]
    s ^= s >> np.uint64(12)
    s ^= s << np.uint64(25)
    s ^= s >> np.uint64(27)
    state[0] = s
    return int((s * np.uint64(2685821657736338717)) >> np.uint64(32))


@compiled
def _score(counts: Int64Array, whole: Int64Array, lost: Int64Array, sent: int) -> float:
    """Sum of squares over size of both sides; ``lost`` (class,) goes with the counts if `sent`."""
    left, right, left_squares, right_squares = 0, 0, 0, 0
    for c in range(whole.shape[0]):
        a = counts[c] + sent * lost[c]
        b = whole[c] - a
        left += a
        right += b
        left_squares += a * a
        right_squares += b * b
    if left == 0 or right == 0:
        return -1.0
    return left_squares / left + right_squares / right


@compiled
def _best_cut(
    bins: UInt8Array,
    rows: Int64Array,
    number: Int64Array,
    whole: Int64Array,
    table: Int64Array,
) -> tuple[float, int, bool]:
    """Find the best cut of one feature (n,) for the samples ``rows``: score, bin, missing left."""
    classes = whole.shape[0]
    low, high = BINS, -1
    for i in range(rows.shape[0]):
        b = bins[rows[i]]
        table[b, number[rows[i]]] += 1
        table[b, classes] += 1
        if b != MISSING:
            low, high = min(low, b), max(high, b)
    lost = table[MISSING]
    some_missing = lost[classes] > 0
    counts = np.zeros(classes, dtype=np.int64)
    best, cut, missing_left = -1.0, -1, False
    for b in range(low, high + 1):
        if table[b, classes] == 0 or (b == high and not some_missing):
            continue
        for c in range(classes):
            counts[c] += table[b, c]
        score = _score(counts, whole, lost, 0)
        if score > best:
            best, cut, missing_left = score, b, False
        if some_missing and b < high:
            score = _score(counts, whole, lost, 1)
            if score > best:
                best, cut, missing_left = score, b, True
    for i in range(rows.shape[0]):
        table[bins[rows[i]], number[rows[i]]] = 0
        table[bins[rows[i]], classes] = 0
    return best, cut, missing_left


@compiled
def _part(bins: UInt8Array, rows: Int64Array, cut: int, missing_left: bool) -> int:
    """Move the samples that go left to the front of ``rows``: how many they are."""
    spare = np.empty(rows.shape[0], dtype=np.int64)
    left, right = 0, 0
    for i in range(rows.shape[0]):
        b = bins[rows[i]]
        goes = missing_left if b == MISSING else b <= cut
        if goes:
            rows[left] = rows[i]
            left += 1
        else:
            spare[right] = rows[i]
            right += 1
    for i in range(right):
        rows[left + i] = spare[i]
    return left


class _Split(NamedTuple):
    """How a node is cut."""

    score: float
    feature: int  # -1: no feature varies
    cut: int
    missing_left: bool


@compiled
def _best_split(
    bins: UInt8Array,
    rows: Int64Array,
    number: Int64Array,
    whole: Int64Array,
    tried: int,
    work: _Work,
) -> _Split:
    """Find the best cut of the features drawn for a node; there are more where few of them vary."""
    best, seen, p = _Split(-1.0, -1, -1, False), 0, bins.shape[0]
    for k in range(p):
        j = k + (_draw(work.state) * (p - k) >> 32)
        work.order[k], work.order[j] = work.order[j], work.order[k]
        f = work.order[k]
        score, cut, missing_left = _best_cut(bins[f], rows, number, whole, work.table)
        seen += score >= 0.0
        if score > best.score:
            best = _Split(score, f, cut, missing_left)
        if seen >= tried:
            break
    return best


@compiled
def _work(p: int, classes: int, seed: int) -> _Work:
    state = np.empty(1, dtype=np.uint64)
    state[0] = _mixed(seed)
    return _Work(state, np.arange(p), np.zeros((MISSING + 1, classes + 1), dtype=np.int64))


@compiled
def _empty(nodes: int, p: int) -> Tree:
    return Tree(
        np.full(nodes, -1, dtype=np.int64), np.zeros(nodes, dtype=np.int64),
        np.zeros(nodes, dtype=np.bool_), np.zeros(nodes, dtype=np.int64),
        np.zeros(nodes, dtype=np.int64), np.zeros(p),
    )  # fmt: skip


@compiled
def grow(bins: UInt8Array, number: Int64Array, classes: int, tried: int, seed: int) -> Tree:
    """Grow a tree on as many samples as there are, drawn with replacement.

    ``bins`` (p, n) and ``number`` (n,) are the samples; a node draws features until ``tried`` of
    them vary on it, or there are no more.
    """
    p, n = bins.shape
    work, tree = _work(p, classes, seed), _empty(2 * n, p)
    rows, span = np.empty(n, dtype=np.int64), np.zeros((2 * n, 2), dtype=np.int64)
    for i in range(n):
        rows[i] = _draw(work.state) * n >> 32
    span[0, 1], nodes, node = n, 1, 0
    while node < nodes:
        start, end = span[node]
        mine, whole = rows[start:end], np.zeros(classes, dtype=np.int64)
        for i in range(mine.shape[0]):
            whole[number[mine[i]]] += 1
        tree.label[node] = np.argmax(whole)
        squares = (whole * whole).sum()
        if squares < mine.shape[0] ** 2:
            best = _best_split(bins, mine, number, whole, tried, work)
            f = best.feature
            if f >= 0:
                middle = start + _part(bins[f], mine, best.cut, best.missing_left)
                tree.feature[node], tree.cut[node], tree.left[node] = f, best.cut, nodes
                tree.missing_left[node] = best.missing_left
                tree.importance[f] += max(0.0, best.score - squares / mine.shape[0]) / n
                span[nodes], span[nodes + 1] = (start, middle), (middle, end)
                nodes += 2
        node += 1
    return Tree(
        tree.feature[:nodes].copy(), tree.cut[:nodes].copy(), tree.missing_left[:nodes].copy(),
        tree.left[:nodes].copy(), tree.label[:nodes].copy(), tree.importance,
    )  # fmt: skip


@compiled
def leaves(tree: Tree, bins: UInt8Array) -> Int64Array:
    """Label (n,) of the leaf that each of the samples ``bins`` (p, n) ends in."""
    out = np.empty(bins.shape[1], dtype=np.int64)
    for i in range(bins.shape[1]):
        node = 0
        while tree.feature[node] >= 0:
            b = bins[tree.feature[node], i]
            goes = tree.missing_left[node] if b == MISSING else b <= tree.cut[node]
            node = tree.left[node] + (0 if goes else 1)
        out[i] = tree.label[node]
    return out
