"""What a plan takes from stages that are done, and what it refuses to take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minecover.errors import StoreError
from minecover.planning.work import learned
from minecover.stages.carry import CARRY
from minecover.stages.select import SELECT
from minecover.stages.train import TRAIN
from minecover.storage.canonical_json import Json
from minecover.workflow.stage import Stage, Workspace
from small_map import survey


def done(folder: Path, stage: Stage, facts: Json, **changes: Any) -> Workspace:
    workspace = Workspace(survey(store=str(folder), **changes), (stage,))
    workspace.ledger.finish_stage(stage.name, "now", 0, facts=facts, seconds=1.0)
    return workspace


@pytest.mark.parametrize(
    ("stage", "facts", "expected"),
    [
        (SELECT, {"chosen": ["summer_NDVI", "winter_B4"]}, {"chosen": 2}),
        (CARRY, {"chosen": ["summer_NDVI", "winter_B4", "elevation"]}, {"chosen": 3}),
        (TRAIN, {"epochs": 12}, {"epochs": 12}),
        (TRAIN, {}, {}),  # of a model that is not tuned
    ],
)
def test_a_plan_takes_what_stages_found_out(
    tmp_path: Path, stage: Stage, facts: Json, expected: dict[str, int]
) -> None:
    workspace = done(tmp_path, stage, facts)
    assert learned(workspace, [stage.name]) == expected
    assert learned(workspace, []) == {}


@pytest.mark.parametrize(
    ("stage", "facts"),
    [
        (SELECT, {}),
        (SELECT, {"chosen": 2}),
        (SELECT, {"chosen": None}),
        (CARRY, {}),
        (CARRY, {"chosen": 0.5}),
        (TRAIN, {"epochs": "many"}),
        (TRAIN, {"epochs": [3]}),
    ],
)
def test_what_no_stage_found_out_is_a_damaged_marker(
    tmp_path: Path, stage: Stage, facts: Json
) -> None:
    workspace = done(tmp_path, stage, facts)
    with pytest.raises(StoreError, match=f"ledger/{stage.name}/stage.json: damaged.*its facts"):
        learned(workspace, [stage.name])


def test_a_chosen_layer_that_no_survey_has_is_a_damaged_marker(tmp_path: Path) -> None:
    workspace = done(tmp_path, SELECT, {"chosen": ["NDVX"]}, model={"kind": "seasons"})
    with pytest.raises(StoreError, match="its facts"):
        learned(workspace, ["select"])
