"""A model that is trained without doubtful labels, and what its store says of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from begun_store import begin_store, choose_layers
from minecover.errors import StoreError
from minecover.models.origin import Origin
from minecover.samples.sample_set import SampleSet
from minecover.stages.left_out import left_out_at
from minecover.stages.retraining import check_samples_there
from minecover.stages.train import TRAIN, train_model
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.workflow.progress import Facts
from minecover.workflow.stage import StageContext, Workspace
from small_map import CODES, survey

LAYERS = ("summer_NDVI", "winter_NDVI")
COUNT, TURNED, BLOCKS = 180, 36, 12


def table() -> pd.DataFrame:
    """Points of three classes; the first fifth is labelled as another class."""
    rng, names = np.random.default_rng(0), {c: n for n, c in survey().class_codes.items()}
    true = rng.integers(0, 3, COUNT)
    label = np.where(np.arange(COUNT) < TURNED, (true + 1) % 3, true)
    block = rng.integers(0, BLOCKS, COUNT)
    points = pd.DataFrame({"id": np.arange(COUNT), "x": 0.0, "y": 0.0, "row": block, "col": 0})
    points["code"] = np.array(CODES)[label]
    points = points.assign(name=points["code"].map(names), polygon=-1, region="", block=block)
    points["block_fold"] = points["random_fold"] = block % 3
    values = rng.normal(0, 0.1, (COUNT, 2)) + np.column_stack([true / 2, -true / 2])
    points[list(LAYERS)] = values.astype(np.float32)
    points.loc[100, "winter_NDVI"] = np.nan
    return points


def trained(folder: Path, **model: Any) -> tuple[Workspace, Facts]:
    its = survey(
        name="there", store=str(folder), model={"kind": "nb", **model},
        engine={"tiles": "local", "prediction": "local", "training": "local"},
    )  # fmt: skip
    store = Store(str(folder))
    begin_store(store, table(), "there")
    choose_layers(store, LAYERS)
    workspace = Workspace(its, (TRAIN,))
    return workspace, train_model(StageContext(workspace, "train", "0", no_tiles))


def no_tiles(*_: object) -> Facts:
    raise AssertionError("training has no tiles")


Trained = tuple[Workspace, Facts]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained(tmp_path_factory.mktemp("there"), doubtful_labels="leave_out")


def test_facts_and_store_say_which_labels_did_not_teach(without: Trained) -> None:
    workspace, facts = without
    told = facts["doubtful_labels"]
    out = left_out_at(workspace.store, SampleSet.read(workspace.store))
    assert out[:TURNED].mean() > 0.7
    assert out[TURNED:].mean() < 0.1
    assert told["left_out"] == out.sum() == sum(told["by_class"].values())
    assert facts["samples"] == COUNT - 1 - out.sum()
    assert facts["incomplete"] == 1
    points = Origin.load(workspace.store).points
    names = table()["name"][~out & (np.arange(COUNT) != 100)]
    assert dict(points) == names.value_counts().to_dict()


def test_a_model_that_is_carried_on_is_retrained_without_them(without: Trained) -> None:
    workspace, facts = without
    model = {"kind": "nb", "carried_from": workspace.survey.store, "adaptation": "retrain"}
    here: Survey = survey(name="here", store=f"{workspace.survey.store}-here", model=model)
    assert f"the {facts['samples']} samples that it came with" in check_samples_there(here)


def test_nothing_is_said_where_all_teach(tmp_path: Path) -> None:
    workspace, facts = trained(tmp_path / "all")
    assert "doubtful_labels" not in facts
    assert facts["samples"] == COUNT - 1
    assert not [name for name in workspace.store.names("model/") if "left_out" in name]
    assert not left_out_at(workspace.store, SampleSet.read(workspace.store)).any()


def test_a_damaged_list_is_named(tmp_path: Path, without: Trained) -> None:
    samples, store = SampleSet.read(without[0].store), Store(str(tmp_path))
    store.write_json("model/left_out.json", [{"class": "mine"}])
    with pytest.raises(StoreError, match=r"left_out\.json: damaged .* train again"):
        left_out_at(store, samples)


def test_the_setting_is_part_of_the_training(without: Trained) -> None:
    workspace, _ = without
    survey = workspace.survey.replace(model__doubtful_labels="keep")
    assert TRAIN.depends_on(replace(workspace, survey=survey)) != TRAIN.depends_on(workspace)
