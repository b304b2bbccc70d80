"""Doubtful labels do not teach, and are tested like all others."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from minecover.accuracy.blocks import spatial_folds
from minecover.samples.sample_set import SampleSet
from minecover.survey import Survey
from minecover.validation.doubtful import without_doubtful
from minecover.validation.holdout import Holdout
from small_map import CODES, survey

LAYERS = ("summer_B8", "summer_NDVI")
SIZE, COUNT, TURNED = 60, 240, 40


@cache
def table() -> pd.DataFrame:
    """Points of three classes that the second layer tells apart, a sixth of them mislabelled."""
    rng = np.random.default_rng(0)
    place = rng.choice(SIZE * SIZE, COUNT, replace=False)
    true = rng.integers(0, 3, COUNT)
    label = true.copy()
    label[:TURNED] = (true[:TURNED] + 1) % 3
    points = pd.DataFrame({"row": place // SIZE, "col": place % SIZE, "region": ""})
    points["code"] = np.array(CODES)[label]
    folds = spatial_folds(points, edge=10, folds=3, seed=0)
    points["block"], points["block_fold"], points["random_fold"] = folds.block, folds.fold, 0
    points[list(LAYERS)] = rng.normal(size=(COUNT, 2)).astype(np.float32) * 0.15
    points["summer_NDVI"] += true
    points["summer_B8"] -= true
    points.loc[100, "summer_B8"] = np.nan
    return points


def held_out(points: pd.DataFrame, **model: Any) -> tuple[Survey, Holdout]:
    samples = SampleSet(points, LAYERS)
    its = survey(model={"kind": "nb", **model}, engine={"workers": 1, "threads": 1})
    return its, Holdout.of_fold(samples, samples.folds("block"), 1, 5)


@pytest.fixture(scope="module")
def thinned() -> Holdout:
    its, held = held_out(table(), doubtful_labels="leave_out")
    return without_doubtful(its, held, LAYERS)


def test_all_that_are_held_out_are_tested(thinned: Holdout) -> None:
    _, held = held_out(table())
    np.testing.assert_array_equal(thinned.test, held.test)
    assert held.test[:TURNED].any()


def test_wrong_labels_do_not_teach(thinned: Holdout) -> None:
    _, held = held_out(table())
    assert not (thinned.training & ~held.training).any()
    wrong = np.arange(COUNT) < TURNED
    gone = held.training & ~thinned.training
    assert gone[wrong & held.training].mean() > 0.6
    assert gone[~wrong & held.training].mean() < 0.1
    assert thinned.training[100] == held.training[100]  # is left out later, as incomplete


def test_what_is_held_out_has_no_say_in_what_teaches(thinned: Holdout) -> None:
    points = table().copy()
    out = points["block_fold"] == 1
    points.loc[out, "code"] = CODES[0]
    points.loc[out, list(LAYERS)] = 9.0
    its, held = held_out(points, doubtful_labels="leave_out")
    np.testing.assert_array_equal(without_doubtful(its, held, LAYERS).training, thinned.training)


def test_nothing_is_judged_where_nobody_asks() -> None:
    its, held = held_out(table())
    assert without_doubtful(its, held, LAYERS) is held
