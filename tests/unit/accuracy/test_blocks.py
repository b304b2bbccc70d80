"""Folds: balanced, seeded, and no training patch meets a test patch."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.accuracy.blocks import (
    Folds,
    apart_from,
    area_folds,
    block_edge,
    random_folds,
    spatial_folds,
)
from minecover.arrays import BoolArray
from minecover.errors import SurveyError

seeds = st.integers(0, 2**31)


def scattered(seed: int, count: int = 200, size: int = 300, classes: int = 4) -> pd.DataFrame:
    """Points anywhere on a square grid, of any class."""
    rng = np.random.default_rng(seed)
    row, col = rng.integers(0, size, (2, count))
    code = rng.integers(1, classes + 1, count).astype(np.uint8)
    return pd.DataFrame({"row": row, "col": col, "code": code})


def patch_pixels(frame: pd.DataFrame, chosen: BoolArray, window: int) -> set[tuple[int, int]]:
    """Every pixel of the patches of the chosen points, by definition."""
    half = window // 2
    return {
        (row + i, col + j)
        for row, col in frame.loc[chosen, ["row", "col"]].itertuples(index=False)
        for i in range(-half, half + 1)
        for j in range(-half, half + 1)
    }


@settings(deadline=None, max_examples=25)
@given(seed=seeds, window=st.sampled_from([1, 3, 9, 17]), by_blocks=st.booleans())
def test_no_training_patch_meets_a_test_patch(seed: int, window: int, by_blocks: bool) -> None:
    frame = scattered(seed, count=60, size=90)
    edge = block_edge(200, 10, window)
    folds = (
        spatial_folds(frame, edge=edge, folds=3, seed=seed)
        if by_blocks
        else random_folds(frame, 3, seed)
    )
    for fold in range(3):
        trained = apart_from(frame, folds.fold == fold, window)
        tested = folds.fold == fold
        assert not (trained & tested).any()
        both = patch_pixels(frame, trained, window) & patch_pixels(frame, tested, window)
        assert not both


def test_only_what_would_meet_is_dropped() -> None:
    frame = pd.DataFrame({"row": [0, 0, 0, 9], "col": [0, 8, 9, 0]})
    folds = Folds(np.array([0, 1, 1, 1]), np.arange(4), 2)
    assert apart_from(frame, folds.fold == 0, 9).tolist() == [False, False, True, True]


@given(seed=seeds, edge=st.integers(10, 60))
@settings(deadline=None, max_examples=12)
def test_blocks_stay_whole(seed: int, edge: int) -> None:
    frame = scattered(seed)
    result = spatial_folds(frame, edge=edge, folds=4, seed=seed)
    place = pd.Series(list(zip(frame["row"] // edge, frame["col"] // edge, strict=True)))
    table = pd.DataFrame({"place": place, "block": result.block, "fold": result.fold})
    assert (table.groupby("place")["fold"].nunique() == 1).all()
    assert table["place"].nunique() == table["block"].nunique()
    assert set(result.fold) == set(range(4))


def test_block_folds_share_the_classes_evenly() -> None:
    frame = scattered(0, count=2000, size=1000)
    result = spatial_folds(frame, edge=100, folds=5, seed=0)
    shares = pd.crosstab(result.fold, frame["code"]) / frame["code"].value_counts()
    assert shares.to_numpy().min() > 0.15
    assert shares.to_numpy().max() < 0.25
    assert result.warnings == ()


@given(seed=seeds)
@settings(deadline=None, max_examples=20)
def test_every_fold_gets_a_class_that_lies_in_enough_blocks(seed: int) -> None:
    """A rare class with one point in each of 8 blocks, among clustered common ones."""
    rng = np.random.default_rng(seed)
    common = scattered(seed, count=300, size=400, classes=2)
    places = rng.choice(64, 8, replace=False)
    rare = pd.DataFrame({"row": places // 8 * 50 + 25, "col": places % 8 * 50 + 25, "code": 7})
    frame = pd.concat([common, rare], ignore_index=True)
    result = spatial_folds(frame, edge=50, folds=5, seed=seed)
    assert result.warnings == ()
    assert set(result.fold[frame["code"] == 7]) == set(range(5))


def test_impossible_class_is_named() -> None:
    frame = scattered(0)
    frame.loc[(frame["row"] < 50) & (frame["col"] < 50), "code"] = 9
    result = spatial_folds(frame, edge=50, folds=5, seed=0, names={9: "water"})
    assert len(result.warnings) == 1
    assert "class water lies in 1 spatial block(s)" in result.warnings[0]


def test_too_few_blocks_are_refused() -> None:
    with pytest.raises(SurveyError, match=r"samples\.block: only 4 block\(s\) of 150 x 150"):
        spatial_folds(scattered(0), edge=150, folds=5, seed=0)


@given(seed=seeds, folds=st.integers(2, 10))
@settings(deadline=None)
def test_random_folds_are_stratified(seed: int, folds: int) -> None:
    frame = scattered(seed)
    result = random_folds(frame, folds, seed)
    counts = np.zeros((folds, 5), dtype=int)
    np.add.at(counts, (result.fold, frame["code"].to_numpy()), 1)
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert np.ptp(counts.sum(axis=1)) <= 1


@pytest.mark.parametrize("by_blocks", [True, False])
def test_folds_are_seeded(by_blocks: bool) -> None:
    frame = scattered(1)

    def make(seed: int) -> Folds:
        if by_blocks:
            return spatial_folds(frame, edge=40, folds=5, seed=seed)
        return random_folds(frame, 5, seed)

    np.testing.assert_array_equal(make(5).fold, make(5).fold)
    assert (make(5).fold != make(6).fold).any()


def test_many_blocks_take_little_time() -> None:
    frame = scattered(2, count=20_000, size=10_000)
    result = spatial_folds(frame, edge=200, folds=5, seed=0)
    shares = pd.crosstab(result.fold, frame["code"], normalize="columns").to_numpy()
    assert np.abs(shares - 0.2).max() < 0.01


def test_block_is_never_below_the_patch() -> None:
    assert block_edge(1000, 10, 17) == 100
    assert block_edge(50, 10, 17) == 17


@settings(deadline=None, max_examples=4)
@given(seed=seeds)
def test_areas_are_compact_and_the_same_each_time(seed: int) -> None:
    frame = scattered(seed, count=80).assign(block=np.arange(80))
    areas = area_folds(frame, 4, seed=1)
    np.testing.assert_array_equal(areas.fold, area_folds(frame, 4, seed=1).fold)
    assert set(areas.fold) == set(range(4))
    places = frame[["row", "col"]].to_numpy(float)
    centres = np.array([places[areas.fold == fold].mean(axis=0) for fold in range(4)])
    nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, areas.fold)


def test_more_areas_than_places_are_refused() -> None:
    frame = pd.DataFrame({"row": [1, 1, 5], "col": [2, 2, 5], "code": [1, 2, 1], "block": 0})
    with pytest.raises(SurveyError, match="3 areas of 3 points"):
        area_folds(frame, 3, seed=0)
