"""Points held out: no training patch meets a test patch, and no point is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from minecover.accuracy.blocks import spatial_folds
from minecover.errors import DataError
from minecover.models.data import ModelInputs
from minecover.models.training import train
from minecover.samples.sample_set import SampleSet
from minecover.selection.settings import SelectionSettings
from minecover.storage.raster import Raster
from minecover.survey import Survey
from minecover.validation.holdout import Holdout, buffer_of
from minecover.validation.layers import choose_layers
from small_map import CODES, survey

LAYERS = ("summer_B8", "summer_NDVI", "elevation")
INPUTS = ModelInputs(LAYERS)
SIZE = 60


def samples(count: int = 200) -> SampleSet:
    """Points of three classes in two regions; the second layer tells the classes apart."""
    rng = np.random.default_rng(0)
    place = rng.choice(SIZE * SIZE, count, replace=False)
    code = rng.choice(CODES, count)
    table = pd.DataFrame({"row": place // SIZE, "col": place % SIZE, "code": code})
    table["region"] = np.where(table["row"] < SIZE // 2, "north", "south")
    folds = spatial_folds(table, edge=10, folds=3, seed=0)
    table["block"], table["block_fold"], table["random_fold"] = folds.block, folds.fold, 0
    values = rng.normal(size=(count, 3)).astype(np.float32)
    values[:, 1] += 4 * np.searchsorted(CODES, code)
    return SampleSet(pd.concat([table, pd.DataFrame(values, columns=list(LAYERS))], axis=1), LAYERS)


def hold_out(points: SampleSet, buffer: int = 5) -> Holdout:
    return Holdout.of_fold(points, points.folds("block"), 1, buffer)


def no_features() -> Raster:
    raise AssertionError("a pixel's features are in the table")


@pytest.mark.parametrize("buffer", [1, 5, 9])
def test_points_near_a_fold_are_not_trained_on(buffer: int) -> None:
    points = samples()
    held = hold_out(points, buffer)
    places = points.table[["row", "col"]].to_numpy()
    apart = np.abs(places[:, None] - places[held.test][None]).max(axis=-1).min(axis=1)
    np.testing.assert_array_equal(held.training, ~held.test & (apart >= buffer))
    away = np.abs(places[:, None] - places[held.training][None]).max(axis=-1).min(axis=1)
    np.testing.assert_array_equal(held.apart(buffer), ~held.training & (away >= buffer))


def test_only_a_random_split_lets_patches_overlap() -> None:
    assert [buffer_of(split, 9) for split in ("random", "block", "area")] == [1, 9, 9]


def test_regions_share_the_points_among_them() -> None:
    points = samples()
    held = hold_out(points)
    parts = dict(held.regions())
    assert list(parts) == ["north", "south"]
    assert sorted(np.concatenate([part.rows for part in parts.values()])) == list(range(200))
    for name, part in parts.items():
        assert set(points.table["region"].iloc[part.rows]) == {name}
        np.testing.assert_array_equal(part.training, held.training[part.rows])
        np.testing.assert_array_equal(part.test, held.test[part.rows])


def test_a_model_meets_neither_the_fold_nor_incomplete_points(tmp_path: Path) -> None:
    points = samples()
    points.table.loc[:20, "elevation"] = np.nan
    held = hold_out(points)
    data = held.data(INPUTS, CODES, no_features)
    complete = np.arange(200) > 20
    np.testing.assert_array_equal(data.rows, np.flatnonzero(held.test & complete))
    np.testing.assert_array_equal(
        data.training.centres, points.values(LAYERS)[held.training & complete]
    )
    codes = np.array(data.training.classes)[data.training.labels]
    np.testing.assert_array_equal(codes, points.codes[held.training & complete])
    np.testing.assert_array_equal(data.blocks, points.blocks[held.training & complete])
    its = its_survey()
    classifier, _ = train(its.model, its.engine, data.training, None, tmp_path)
    assert (data.mapped(classifier) == data.test.codes).mean() > 0.9
    assert data.probabilities(classifier).shape == (len(data.rows), len(CODES))


def its_survey() -> Survey:
    return survey(model={"kind": "nb"}, engine={"tiles": "local", "workers": 1})


def test_a_class_of_the_fold_alone_is_no_class_of_the_model() -> None:
    points = samples()
    held = hold_out(points)
    points.table.loc[held.training & (points.codes == CODES[1]), "code"] = CODES[0]
    data = hold_out(points).data(INPUTS, CODES, no_features)
    assert data.training.classes == (CODES[0], CODES[2])
    assert set(data.training.labels) == {0, 1}


def test_one_class_alone_is_refused() -> None:
    points = samples()
    held = hold_out(points)
    points.table.loc[held.training & (points.table["region"] == "south").to_numpy(), "code"] = (
        CODES[0]
    )
    south = dict(hold_out(points).regions())["south"]
    with pytest.raises(DataError, match=r"without fold 1 of south all points are of one class"):
        south.data(INPUTS, CODES, no_features)


def test_layers_are_chosen_from_some_of_the_points() -> None:
    points = samples()
    use = hold_out(points).training
    settings = SelectionSettings(keep=1, trees=10)
    assert choose_layers(points, use, settings, seed=0, threads=1).chosen == ("summer_NDVI",)
    others = points.table["code"].where(use, CODES[0])
    changed = SampleSet(points.table.assign(code=others), LAYERS)
    assert choose_layers(changed, use, settings, seed=0, threads=1).chosen == ("summer_NDVI",)
    every = settings.model_copy(update={"method": "all"})
    assert set(choose_layers(points, use, every, seed=0, threads=1).chosen) == set(LAYERS)


def test_few_blocks_are_enough_to_find_how_many_layers() -> None:
    points = samples()
    points.table["block"] = points.table["block"] % 2
    everyone = np.ones(200, dtype=bool)
    chosen = choose_layers(points, everyone, SelectionSettings(trees=10), seed=0, threads=1)
    assert chosen.settings["fold_count"] == 2
    assert [point.features for point in chosen.curve] == [1, 2, 3]
