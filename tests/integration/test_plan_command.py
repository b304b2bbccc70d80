"""A plan before, during and after the run of a small survey; a budget; a calibration."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conftest import Recorder, tree  # type: ignore[import-not-found]
from minecover.commands.app import app
from minecover.demo.district import District
from minecover.errors import BudgetError
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.planning.calibrate import calibrate
from minecover.planning.constants import calibrated
from minecover.planning.guard import PlanGuard
from minecover.planning.plan import Plan, plan_survey
from minecover.planning.prices import Prices
from minecover.stages.publish import stage_figures
from minecover.stages.registry import stage_names, stages_of, tile_stages
from minecover.storage.names import CALIBRATION_FILE, PLAN_FILE
from minecover.storage.store import Store
from minecover.survey import Survey, load
from minecover.workflow.run import Run

pytestmark = pytest.mark.integration

Make = Callable[..., Survey]


def plan(survey: Survey, prices: Prices | None = None) -> Plan:
    return plan_survey(Run(survey, stages_of(survey), Recorder()), prices)


def guarded(survey: Survey, guard: PlanGuard, last: str) -> Recorder:
    recorder = Recorder()
    Run(survey, stages_of(survey), recorder, guard=guard).until(last)
    return recorder


def test_a_plan_before_during_and_after(tmp_path: Path, make_survey: Make) -> None:
    survey = make_survey(tmp_path / "store")
    before = plan(survey)
    assert not (tmp_path / "store").exists()
    assert {item.origin for item in before.stages} == {"shipped"}
    assert any("nothing was looked up yet" in line for line in before.assumptions)

    guarded(survey, PlanGuard(), "predict")
    after = plan(survey)
    assert after.assumptions == ()
    for item in after.stages[:7]:
        assert (item.origin, item.share) == ("ledger", 1.0)
        assert item.core_hours == pytest.approx(item.actual_core_hours)
    assert after.stage("assess").origin == "shipped"
    began = Store(survey.store).read_json(PLAN_FILE)["core_hours"]
    assert {item.stage: item.planned_core_hours for item in after.stages} == began

    run = Run(survey, stages_of(survey), Recorder())
    figures = {entry["stage"]: entry for entry in stage_figures(run)}
    assert figures["cube"]["core_hours"] == after.stage("cube").actual_core_hours
    assert figures["cube"]["planned_core_hours"] == began["cube"]
    _bytes_are_as_planned(tmp_path / "store", after)

    other = make_survey(tmp_path / "store", features={"texture_window": 7})
    changed = plan(other)
    assert changed.stage("cube").origin == "ledger"
    assert changed.stage("features").actual_core_hours is None
    assert changed.stage("features").planned_core_hours is None


def _bytes_are_as_planned(store: Path, after: Plan) -> None:
    """Compression differs with the size and the land: a third is what a plan can promise."""
    for stage, name in (("cube", "cube.zarr"), ("features", "features.zarr")):
        there = sum(map(len, tree(store / name).values()))
        assert after.stage(stage).stored == pytest.approx(there, rel=0.33)


def test_a_budget_stops_at_a_tiles_edge(tmp_path: Path, make_survey: Make) -> None:
    survey = make_survey(tmp_path / "store")
    guarded(survey, PlanGuard(), "catalog")
    # only bytes cost something, and those of a tile of the cube cost 1
    prices = Prices(gb_month_stored=4e9 / plan(survey).stage("cube").stored)
    for _ in range(2):  # what was spent before counts
        with pytest.raises(BudgetError, match=r"cube: stopped .*2\.00 of 2\.50 are spent"):
            guarded(survey, PlanGuard(prices, 2.5), "cube")
        assert len(_done(survey)) == 2
    assert guarded(survey, PlanGuard(prices, 4.5), "cube").tiles == 2
    guarded(make_survey(tmp_path / "whole"), PlanGuard(), "cube")
    assert tree(tmp_path / "store" / "cube.zarr") == tree(tmp_path / "whole" / "cube.zarr")


def _done(survey: Survey) -> list[str]:
    ledger = Ledger(Store(survey.store))
    layout = ledger.layout("cube")
    if layout is None:
        return []
    return sorted(
        name for name, _ in TileMarkers(ledger.store, "cube", layout["fingerprint"]).names("done")
    )


def test_the_command_prints_and_tells_machines(tmp_path: Path, district: District) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("core_hour: 1\ncurrency: EUR\n")
    given = ["plan", str(district.survey), "--store", str(tmp_path / "s"), "--prices", str(prices)]
    shown = CliRunner().invoke(app, given, catch_exceptions=False)
    assert "core-h" in shown.output
    assert "assumed: items" in shown.output
    told = json.loads(CliRunner().invoke(app, [*given, "--json"], catch_exceptions=False).output)
    total = told["total"]
    assert total["money"] == pytest.approx(total["core_hours"])
    assert [entry["stage"] for entry in told["stages"]] == list(stage_names(load(district.survey)))


def test_a_calibration_is_what_a_plan_then_uses(tmp_path: Path, make_survey: Make) -> None:
    survey = make_survey(
        tmp_path / "store",
        model={"kind": "nb"},
        selection={"keep": 10, "trees": 20},
        sources={"sentinel1": None},
    )
    survey = survey.replace(seasons={"summer": survey.seasons["summer"]})
    told: list[str] = []
    constants = calibrate(survey, stages_of(survey), told.append)
    assert len(told) == 4
    assert 1e-12 < constants.costs["dissimilarity"].rate < 1e-8  # core-seconds
    Store(survey.store).write_json(CALIBRATION_FILE, constants.model_dump(mode="json"))
    assert calibrated(Store(survey.store)) == constants
    planned = plan(survey)
    assert {item.origin for item in planned.stages} == {"calibration"}
    assert all(item.core_hours > 0 for item in planned.stages if item.stage in tile_stages(survey))
    # a process of numpy, torch and GDAL, and no more than this machine has
    assert all(300 < (planned.stage(name).memory or 0) < 4096 for name in tile_stages(survey))
    assert guarded(survey, PlanGuard(), "cube").done == ["catalog", "cube"]
