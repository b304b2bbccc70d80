"""Boosted trees of few leaves, read node by node over many pixels at once.

scikit-learn walks down each tree for each pixel, and where it goes next waits for what it has just
read. Here the leaves of a tree are bits, from left to right. Each node compares a whole row of
pixels with one number, and takes the leaves to its left away from those that go right. The lowest
bit that is left is the leaf where a pixel ends, whatever the order of the nodes (QuickScorer:
Lucchese et al. 2015, SIGIR, doi:10.1145/2766462.2767733).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minecover.arrays import Float32Array, Float64Array
from minecover.engines.compiled import compiled, read_only

__all__ = ["MOST_LEAVES", "LeafMasks"]

MOST_LEAVES = 32
"""Of a tree: its leaves are the bits of a number of 32."""

ALL = np.uint32(2**MOST_LEAVES - 1)

PIXELS = 256
"""That are read together: their layers and masks stay in the nearest cache."""

MULTIPLIER = np.uint32(0x077CB531)
"""A de Bruijn sequence: its highest five bits differ for each power of two that it is taken by."""

PLACES = np.zeros(MOST_LEAVES, np.int32)
"""Place of a single bit, by those five bits."""
for _place in range(MOST_LEAVES):
    PLACES[((int(MULTIPLIER) << _place) & int(ALL)) >> 27] = _place

_Split = tuple[int, np.float32, int]


@dataclass(frozen=True, eq=False)
class LeafMasks:
    """Trees, one after the other: of each round one a class.

    Attributes
    ----------
    layers, thresholds, kept
        (node,) position of the layer that is compared; the highest number that goes left; the
        leaves that are left where a pixel goes right.
    nodes, leaves
        (tree + 1,) where the nodes and the leaves of a tree begin.
    values
        (leaf,) what is added to the score.
    start
        (class,) scores before the first tree; one for two classes.
    """

    layers: npt.NDArray[np.int32]
    thresholds: Float32Array
    kept: npt.NDArray[np.uint32]
    nodes: npt.NDArray[np.int32]
    leaves: npt.NDArray[np.int32]
    values: Float64Array
    start: Float64Array

    @classmethod
    def of(cls, estimator: Any) -> LeafMasks | None:  # noqa: ANN401
        """Take the trees of a fitted `HistGradientBoostingClassifier`.

        Returns
        -------
        None where a tree has more than 32 leaves or splits by categories.
        """
        trees = [tree.nodes for round_ in estimator._predictors for tree in round_]
        if any(
            tree["is_leaf"].sum() > MOST_LEAVES or tree["is_categorical"].any() for tree in trees
        ):
            return None
        splits: list[_Split] = []
        values: list[float] = []
        nodes, leaves = [0], [0]
        for tree in trees:
            ends = list(_leaves(tree, 0))
            splits += _splits(tree, {leaf: place for place, leaf in enumerate(ends)})
            values += tree["value"][ends].tolist()
            nodes.append(len(splits))
            leaves.append(len(values))
        layers, thresholds, kept = zip(*splits, strict=True) if splits else ((), (), ())
        return cls(
            np.array(layers, np.int32), np.array(thresholds, np.float32),
            np.array(kept, np.uint32), np.array(nodes, np.int32), np.array(leaves, np.int32),
            np.array(values), np.ravel(estimator._baseline_prediction),
        )  # fmt: skip

    def scores(self, pixels: Float32Array) -> Float64Array:
        """Read pixels.

        Parameters
        ----------
        pixels
            (pixel, layer), finite.

        Returns
        -------
        (pixel, class): the same bits as those of scikit-learn, before they become probabilities;
        one column for two classes.
        """
        columns = read_only(np.ascontiguousarray(pixels.T, np.float32))
        out = np.repeat(self.start[:, None], len(pixels), axis=1)
        _add_trees(
            columns, read_only(self.layers), read_only(self.thresholds), read_only(self.kept),
            read_only(self.nodes), read_only(self.leaves), read_only(self.values), out,
        )  # fmt: skip
        return out.T


def _leaves(tree: npt.NDArray[np.void], node: int) -> Iterator[int]:
    """Give the leaves below a node, from left to right."""
    if tree["is_leaf"][node]:
        yield node
    else:
        yield from _leaves(tree, int(tree["left"][node]))
        yield from _leaves(tree, int(tree["right"][node]))


def _splits(tree: npt.NDArray[np.void], places: dict[int, int]) -> Iterator[_Split]:
    for node in np.flatnonzero(tree["is_leaf"] == 0):
        lost = sum(1 << places[leaf] for leaf in _leaves(tree, int(tree["left"][node])))
        threshold = _single(float(tree["num_threshold"][node]))
        yield int(tree["feature_idx"][node]), threshold, int(ALL) & ~lost


def _single(threshold: float) -> np.float32:
    """Give the highest single number that is no higher: single numbers compare alike with it."""
    single = np.float32(threshold)
    down = float(single) > threshold  # two numbers of single precision are compared as such
    return np.nextafter(single, np.float32(-np.inf)) if down else single


@compiled
def _add_trees(
    columns: Float32Array,
    layers: npt.NDArray[np.int32],
    thresholds: Float32Array,
    kept: npt.NDArray[np.uint32],
    nodes: npt.NDArray[np.int32],
    leaves: npt.NDArray[np.int32],
    values: Float64Array,
    out: Float64Array,
) -> None:
    """Add the trees to `out`, (class, pixel), in their order."""
    left = np.empty(PIXELS, np.uint32)
    for start in range(0, columns.shape[1], PIXELS):
        stop = min(start + PIXELS, columns.shape[1])
        for tree in range(nodes.shape[0] - 1):
            left[:] = ALL
            for node in range(nodes[tree], nodes[tree + 1]):
                row, threshold, keep = (
                    columns[layers[node], start:stop],
                    thresholds[node],
                    kept[node],
                )
                for pixel in range(stop - start):
                    left[pixel] &= keep if row[pixel] > threshold else ALL
            scores, first = out[tree % out.shape[0], start:stop], leaves[tree]
            for pixel in range(stop - start):
                lowest = left[pixel] & (~left[pixel] + np.uint32(1))
                place = PLACES[np.uint32(lowest * MULTIPLIER) >> np.uint32(27)]
                scores[pixel] += values[first + place]
