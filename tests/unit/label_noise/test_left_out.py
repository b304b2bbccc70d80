"""Doubtful labels are left out where many seem wrong, and nowhere else."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.errors import DataError
from minecover.label_noise.left_out import MANY, JudgedLabels, judge_labels

CLASSES, COUNT, BLOCKS = 3, 240, 24


class Points(NamedTuple):
    values: Float32Array
    true: Int64Array
    blocks: Int64Array

    def judged(self, labels: Int64Array, threads: int = 1) -> JudgedLabels:
        folds = self.blocks % 3
        return judge_labels(self.values, labels, folds, self.blocks, seed=0, threads=threads)


def points(spread: float = 0.12) -> Points:
    """Draw points of three classes around (0, 0), (1, 0) and (0, 1)."""
    rng = np.random.default_rng(5)
    true = np.arange(COUNT) % CLASSES
    centres = np.array([[0, 0], [1, 0], [0, 1]])
    values = (centres[true] + rng.normal(0, spread, (COUNT, 2))).astype(np.float32)
    return Points(values, true.astype(np.int64), rng.integers(0, BLOCKS, COUNT))


def turned(true: Int64Array, share: float) -> tuple[Int64Array, BoolArray]:
    rng = np.random.default_rng(6)
    rows = rng.choice(COUNT, round(share * COUNT), replace=False)
    labels, here = true.copy(), np.zeros(COUNT, dtype=bool)
    labels[rows], here[rows] = (true[rows] + rng.integers(1, CLASSES, len(rows))) % CLASSES, True
    return labels, here


def test_wrong_labels_go_and_right_ones_stay_where_a_fifth_is_wrong() -> None:
    own = points()
    labels, wrong = turned(own.true, 0.2)
    judged = own.judged(labels)
    assert judged.noise.low >= MANY
    assert judged.left_out[wrong].mean() > 0.95
    assert judged.left_out[~wrong].mean() < 0.05
    told = judged.to_dict(("a", "b", "c"), labels)
    assert told["left_out"] == sum(told["by_class"].values()) == int(judged.left_out.sum())
    assert told["by_class"]["a"] == int((judged.left_out & (labels == 0)).sum())


@pytest.mark.parametrize("share", [0.0, 0.04])
def test_all_teach_where_few_are_wrong(share: float) -> None:
    own = points()
    judged = own.judged(turned(own.true, share)[0])
    assert judged.noise.low < MANY
    assert not judged.left_out.any()


def test_a_class_that_models_do_not_know_stays() -> None:
    """Of class 2 two in three look like the other two classes; a fifth of the others is wrong."""
    own = points()
    labels, _ = turned(own.true, 0.2)
    values = own.values.copy()
    unknown = np.flatnonzero(labels == 2)[: (2 * int((labels == 2).sum())) // 3]
    values[unknown] = np.random.default_rng(7).normal(0, 0.12, (len(unknown), 2))
    values[unknown[::2], 0] += 1
    judged = Points(values, own.true, own.blocks).judged(labels)
    assert judged.doubts.doubt[unknown].mean() > 0.5
    assert not judged.doubtful[labels == 2].any()
    assert judged.doubtful[labels < 2].any()


def test_threads_do_not_change_which() -> None:
    own = points(spread=0.4)
    labels, _ = turned(own.true, 0.2)
    one, two = own.judged(labels), own.judged(labels, threads=2)
    np.testing.assert_array_equal(one.doubtful, two.doubtful)
    assert one.noise.low == two.noise.low


def test_labels_of_one_class_cannot_be_doubted() -> None:
    own = points()
    labels = (own.blocks % 3 == 1).astype(np.int64)  # without fold 1 all are of class 0
    with pytest.raises(DataError, match="without fold 1 all points are of one class"):
        own.judged(labels)
