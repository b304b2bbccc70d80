"""From a survey's points to the list of doubtful ones, and from its map to points to label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import minecover as mc
from minecover.accuracy.blocks import spatial_folds
from minecover.arrays import Int64Array
from minecover.errors import DataError, StoreError, SurveyError
from minecover.label_review.doubtful_labels import DoubtOptions, find_doubts
from minecover.label_review.suggested_points import SuggestOptions, suggest_points
from minecover.samples.files import read_labels
from minecover.samples.sample_set import parquet_bytes
from minecover.selection.result import Selection
from minecover.sources.manifest import Manifest
from minecover.storage.names import DESIGN_FILE, SAMPLES_FILE, SELECTION_FILE
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from small_map import CODES
from small_store import SmallStore, small_store

LAYERS = ("summer_NDVI", "winter_NDVI")
NAMES = {2: "forest_and_grass", 3: "water", 7: "mine"}
TURNED = 8

Listed = tuple[dict[str, Any], gpd.GeoDataFrame]


class Reviewed(Run):
    """A run whose stages are taken to be done."""

    def until(self, last: str, **options: bool) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Case:
    made: SmallStore
    run: Reviewed
    turned: Int64Array

    @property
    def products(self) -> Path:
        return Path(self.run.survey.store) / "products"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Points whose class the summer's NDVI tells, but for some that were turned."""
    made = small_store(tmp_path_factory.mktemp("review"))
    rng = np.random.default_rng(4)
    height, width = made.grid.shape
    place = rng.choice(height * width, 180, replace=False)
    table = pd.DataFrame({"row": place // width, "col": place % width})
    ndvi, winter = (made.values[f"features:{name}"][table["row"], table["col"]] for name in LAYERS)
    true = np.digitize(ndvi, [-0.33, 0.33])
    turned = np.sort(rng.choice(180, TURNED, replace=False))
    label = true.copy()
    label[turned] = (true[turned] + 1) % 3
    x, y = made.grid.geobox.affine @ (table["col"] + 0.5, table["row"] + 0.5)
    table = table.assign(id=np.arange(180), x=x, y=y, code=np.array(CODES)[label], polygon=-1)
    table = table.assign(name=table["code"].map(NAMES), region="", random_fold=0)
    folds = spatial_folds(table, edge=15, folds=3, seed=0)
    table = table.assign(block=folds.block, block_fold=folds.fold)
    table[list(LAYERS)] = np.column_stack([ndvi, winter])
    table.loc[3, "winter_NDVI"] = np.nan
    made.store.write(SAMPLES_FILE, parquet_bytes(table))
    names = (*LAYERS, "elevation")
    chosen = Selection(names, {}, {}, (1.0, 0.2, 0.1), (1, 2, 3), LAYERS, (), (), (), (), {})
    made.store.write(SELECTION_FILE, chosen.to_json().encode())
    Manifest(crs=made.grid.crs, found=(), left_out=()).save(made.store)
    survey = made.survey.replace(features={"keep": "all"}, model={"kind": "rf"})
    return Case(made, Reviewed(survey, (), Silent()), turned[turned != 3])


@pytest.fixture
def case(whole: Case) -> Iterator[Case]:
    yield whole
    for name in ("suggested.gpkg", "suggested.csv", "design.json"):
        (whole.products / name).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def listed(whole: Case) -> Listed:
    return find_doubts(whole.run, DoubtOptions(share=0.1, pictures=2))


def labelled(case: Case, name: str) -> gpd.GeoDataFrame:
    return gpd.read_file(case.products / name)


def test_turned_labels_are_listed_first_with_what_they_were(case: Case, listed: Listed) -> None:
    document, table = listed
    assert len(table) == document["listed"] == 18
    assert document["points"] == 179
    assert document["lacking_layers"] == 1
    first = table.head(len(case.turned))
    found = np.isin(case.turned, first["id"])
    assert found.mean() > 0.8
    known = table[table["id"].isin(case.turned)]
    codes = {name: code for code, name in NAMES.items()}
    truth = np.digitize(
        case.made.values["features:summer_NDVI"][known["row"], known["col"]], [-0.33, 0.33]
    )
    assert (known["likely"].map(codes) == np.array(CODES)[truth]).mean() > 0.8
    wrong = document["wrong_labels"]
    assert wrong["low"] <= wrong["rate"] <= wrong["high"]
    assert wrong["low"] - 0.02 <= len(case.turned) / 179 <= wrong["high"] + 0.02


@pytest.mark.usefixtures("listed")
def test_the_list_is_a_file_of_samples(case: Case) -> None:
    table = labelled(case, "doubts.gpkg")
    assert list(table["rank"]) == list(range(1, 19))
    assert set(table["purpose"]) == {"training"}
    samples = case.run.survey.samples.replace(
        path=str(case.products / "doubts.csv"), crs="EPSG:4326"
    )
    [layer] = read_labels(samples, list(NAMES.values()))
    assert list(layer.frame["label"]) == list(table["class"])
    back = gpd.GeoSeries(layer.frame["geometry"], crs=layer.crs).to_crs(table.crs)
    np.testing.assert_allclose(back.x, table.geometry.x, atol=0.05)
    page = (case.products / "doubts.html").read_text()
    assert page.count("<img") == 2 * len(case.run.survey.seasons)
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_the_same_points_are_listed_again(case: Case, listed: Listed) -> None:
    document, table = find_doubts(case.run, DoubtOptions(share=0.1, pictures=0))
    assert document == listed[0]
    assert table.equals(listed[1])


def test_it_is_told_which_of_them_did_not_teach(case: Case, listed: Listed) -> None:
    assert "left_out" not in listed[0]
    store, run = case.made.store, case.run
    told = {"doubtful_labels": {"left_out": 2}}
    run.ledger.finish_stage("train", "0", 0, facts=told, seconds=1.0)
    store.write_json("model/regions.json", {"names": [""], "shapes": []})
    store.write_json("model/left_out.json", [{"id": int(n)} for n in case.turned[:2]])
    document, table = find_doubts(run, DoubtOptions(1.0, "nb", pictures=0))
    for name in ("model/left_out.json", "model/regions.json", "ledger/train/stage.json"):
        store.remove(name)
    assert document["left_out"] == 2
    assert set(table["id"][table["left_out"]]) == set(case.turned[:2])


def test_suggested_points_say_how_little_the_map_knows_there(case: Case) -> None:
    table = suggest_points(case.run, SuggestOptions(points=20))
    assert len(table) == 20
    assert not table.geometry.duplicated().any()
    written = labelled(case, "suggested.gpkg")
    assert set(written["purpose"]) == {"training"}
    assert set(written["class"].fillna("")) == {""}
    column, row = ~case.made.grid.geobox.affine @ (table.geometry.x, table.geometry.y)
    row, column = (np.floor(values).astype(int) for values in (row, column))
    entropy = case.made.values["map:entropy"]
    unlike = case.made.values["map:dissimilarity"] > 0.75
    everywhere = np.where(unlike, 1, entropy / np.log2(3))
    np.testing.assert_allclose(table["teaches"], everywhere[row, column], atol=1e-4)
    samples = pd.read_parquet(Path(case.run.survey.store) / SAMPLES_FILE)
    taken = set(zip(samples["row"], samples["col"], strict=True))
    assert taken.isdisjoint(zip(row, column, strict=True))
    assert suggest_points(case.run, SuggestOptions(points=20)).equals(table)
    assert not suggest_points(case.run, SuggestOptions(points=20, seed=1)).equals(table)


def test_points_of_a_design_are_left_alone(case: Case) -> None:
    """All of the grid but one row is measured by a design: only there is anything suggested."""
    height, width = case.made.grid.shape
    places = [(row, col) for row in range(height) if row != 50 for col in range(width)]
    points = [{"row": row, "col": col} for row, col in places]
    case.run.store.write_json(DESIGN_FILE, {"points": points})
    table = suggest_points(case.run, SuggestOptions(points=5))
    _, row = ~case.made.grid.geobox.affine @ (table.geometry.x, table.geometry.y)
    assert set(np.floor(row)) == {50}
    points += [{"row": 50, "col": col} for col in range(width)]
    case.run.store.write_json(DESIGN_FILE, {"points": points})
    with pytest.raises(DataError, match="no pixel to choose"):
        suggest_points(case.run, SuggestOptions(points=5))


def test_labels_are_not_overwritten(case: Case) -> None:
    suggest_points(case.run, SuggestOptions(points=4))
    table = labelled(case, "suggested.gpkg")
    table.loc[1, "class"] = "water"
    table.to_file(case.products / "suggested.gpkg", driver="GPKG", layer="suggested")
    with pytest.raises(StoreError, match="1 of its points are labelled; move it elsewhere"):
        suggest_points(case.run, SuggestOptions(points=4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DoubtOptions(share=0), "--share: 0"),
        (lambda: DoubtOptions(model="oracle"), "--model: no 'oracle'; there are"),
        (lambda: DoubtOptions(neighbours=0), "--neighbours: 0; give at least 1"),
        (lambda: SuggestOptions(points=0), "--points: 0; give at least 1"),
    ],
)
def test_impossible_options_are_named(make: object, message: str) -> None:
    with pytest.raises(SurveyError, match=message):
        make()  # type: ignore[operator]


def test_a_period_that_is_none_is_named(case: Case) -> None:
    with pytest.raises(SurveyError, match="--period: no '2020'; the periods of the survey are: no"):
        suggest_points(case.run, SuggestOptions(period="2020"))


def test_results_without_their_survey_cannot_be_reviewed(case: Case) -> None:
    with pytest.raises(StoreError, match="this needs the survey; open it by open_survey"):
        mc.open_store(case.run.survey.store).suggest()
