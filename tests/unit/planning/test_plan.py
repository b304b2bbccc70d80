"""What a plan counts, what it refuses, and when a budget is used up."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from minecover.api.plan_table import PlanSheet, plan_document
from minecover.commands.app import app
from minecover.engines.base import Outcome
from minecover.errors import BudgetError, DataError, StoreError, SurveyError
from minecover.geography.grid import Tile
from minecover.ledger.markers import Ledger, TileMarkers
from minecover.planning.actual import actuals, lost_core_hours
from minecover.planning.calibrate import fitted
from minecover.planning.constants import calibrated, cost_key, is_measured, shipped
from minecover.planning.costs import core_seconds
from minecover.planning.disk import disk_rates
from minecover.planning.guard import PlanGuard, refuse_what_cannot_fit
from minecover.planning.memory import worker_memory
from minecover.planning.plan import Plan, StagePlan
from minecover.planning.prices import Prices, load_prices
from minecover.planning.stage_cost import cost_of
from minecover.planning.traffic import traffic
from minecover.planning.work import workload
from minecover.storage.names import CALIBRATION_FILE
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.guard import Guard
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from minecover.workflow.stage import Workspace
from minecover.workflow.store_owner import take_store

PRICES = Path(__file__).parents[3] / "pipeline" / "minecover" / "planning" / "prices.yaml"
STAGES = (
    "catalog", "cube", "features", "samples", "select", "train", "predict", "assess", "publish"
)  # fmt: skip
TILED = ("cube", "features", "predict")
GB = 1e9


def planned(stage: str, **changes: object) -> StagePlan:
    tiles = 10 if stage in TILED else None
    one = StagePlan(
        stage=stage, tiles=tiles, read=GB, stored=2 * GB, moved=0.0,
        memory=900.0 if tiles else None, core_hours=1.0, gpu_hours=0.0, seconds=1800.0,
        origin="shipped", computing=5.0, keeping=1.0,
    )  # fmt: skip
    return replace(one, **changes)  # type: ignore[arg-type]


def plan_of(**changes: object) -> Plan:
    return Plan(tuple(planned(stage, **changes) for stage in STAGES))


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    return tile_survey(str(tmp_path / "store"), 4, 5)


@given(
    fixed=st.floats(0, 1e3),
    rate=st.floats(1e-9, 1e3),
    few=st.floats(1, 1e3),
    more=st.floats(10, 1e6),
)
def test_a_line_is_found_again(fixed: float, rate: float, few: float, more: float) -> None:
    many = few + more
    cost = fitted((few, fixed + rate * few), (many, fixed + rate * many))
    assert cost.fixed + cost.rate * many == pytest.approx(fixed + rate * many, rel=1e-6)


@given(*[st.floats(0.01, 1e4)] * 4)
def test_a_cost_never_falls_and_meets_the_larger(
    few: float, a: float, more: float, b: float
) -> None:
    cost = fitted((few, a), (few + more, b))
    assert cost.rate > 0
    assert cost.fixed >= 0
    assert cost.fixed + cost.rate * (few + more) == pytest.approx(b, rel=1e-6)


@pytest.mark.parametrize("kind", ["resnet50", "seasons", "rf", "ann", "knn", "svm", "nb"])
def test_constants_are_shipped_for_every_model(survey: Survey, kind: str) -> None:
    changed = survey.model_copy(update={"model": survey.model.model_copy(update={"kind": kind})})
    stages = ("train", "predict", "assess")
    assert all(shipped().cost(cost_key(name, changed)).rate > 0 for name in stages)
    assert worker_memory(changed, shipped()) > 500
    assert shipped().machine


def test_a_vote_costs_what_its_models_cost(survey: Survey) -> None:
    models = [{"kind": "resnet50", "epochs": 20}, {"kind": "seasons", "window": 7}, {"kind": "rf"}]
    vote = survey.replace(model={"kind": "voting", "epochs": 10, "options": {"models": models}})
    alone = [survey.replace(model={"epochs": 10, **model}) for model in models]
    work = workload(vote, survey_grid(vote))
    assert "epochs of training: all 20 and 10" in work.assumptions
    for stage in ("train", "assess", "predict"):
        each = [
            core_seconds(stage, one, replace(work, epochs=one.model.all_epochs), shipped())
            - shipped().costs["dissimilarity"].rate * cost_of(stage).compared(one, work)
            for one in alone
        ]
        shared = shipped().costs["dissimilarity"].rate * cost_of(stage).compared(vote, work)
        assert core_seconds(stage, vote, work, shipped()) == pytest.approx(sum(each) + shared)
        assert is_measured(stage, vote)
    memory = [worker_memory(one, shipped(), "predict") for one in (*alone, vote)]
    assert memory[3] > max(memory[:3])


def test_work_grows_with_the_area(tmp_path: Path) -> None:
    one, four = (tile_survey(str(tmp_path), edge, edge) for edge in (4, 8))
    small, large = (workload(each, survey_grid(each)) for each in (one, four))
    assert (small.tiles, large.tiles) == (16, 64)
    assert large.pixels == 4 * small.pixels
    assert large.source_pixels == pytest.approx(4 * small.source_pixels)
    less = {name: cost_of(name).units(one, small) for name in STAGES}
    more = {name: cost_of(name).units(four, large) for name in STAGES}
    for stage in ("cube", "features", "predict", "publish"):
        assert more[stage] == pytest.approx(4 * less[stage])


def test_dissimilarity_takes_as_long_as_there_are_samples(survey: Survey) -> None:
    work = workload(survey, survey_grid(survey), known={"chosen": 45})
    more = replace(work, points=10 * work.points)
    one, many = (core_seconds("predict", survey, each, shipped()) for each in (work, more))
    # 3.2e-11 s for each pixel, sample and layer, of which finding the least counts as 30
    apart = 9 * work.pixels * work.points * (45 + 30) * 3.2e-11
    assert many - one == pytest.approx(apart)
    by_region = core_seconds("predict", survey, replace(more, regions=10), shipped())
    assert by_region == pytest.approx(one)
    settings = survey.prediction.model_copy(update={"applicability": False})
    without = survey.model_copy(update={"prediction": settings})
    assert core_seconds("predict", without, more, shipped()) == pytest.approx(one - apart / 9)


def test_what_is_not_known_is_assumed_aloud(survey: Survey) -> None:
    work = workload(survey, survey_grid(survey))
    told = " ".join(work.assumptions)
    # a year at one overpass in five days, 60 % of them clear enough
    assert "sentinel2 44" in told
    assert "none.csv is not there" in told
    assert "layers chosen" in told
    known = workload(survey, survey_grid(survey), known={"chosen": 7})
    assert not [line for line in known.assumptions if "chosen" in line]


def test_only_what_crosses_a_network_is_moved(survey: Survey) -> None:
    work = workload(survey, survey_grid(survey))
    near = traffic(survey, work, shipped(), STAGES)
    assert all(flow.moved == 0 for flow in near.values())
    online = survey.model_copy(
        update={
            "store": "s3://b/p",
            "catalog": survey.catalog.model_copy(update={"url": "https://example.org/stac"}),
        }
    )
    for stage, flow in traffic(online, work, shipped(), STAGES).items():
        assert flow.moved == pytest.approx(flow.read + flow.stored), stage
        assert flow.disk_read == flow.disk_write == 0
        assert flow.stored == near[stage].stored


def test_the_example_price_list_is_one() -> None:
    prices = load_prices(PRICES)
    assert prices.computing(10, 2) == pytest.approx(10 * prices.core_hour + 2 * prices.gpu_hour)
    expected = 3 * prices.gb_month_stored * prices.months + 4 * prices.gb_moved
    assert prices.keeping(3 * GB, 4 * GB) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("core_hour: -1", "core_hour"),
        ("cpu: 1", "cpu"),
        ("- 1", "the file"),
        ("{", "YAML"),
        ("currency: 2021-13-01", "cannot read it: month must be in"),
    ],
)
def test_a_wrong_price_list_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(SurveyError, match=message):
        load_prices(path)
    with pytest.raises(SurveyError, match="cannot read"):
        load_prices(tmp_path / "none.yaml")


def test_damaged_constants_are_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert calibrated(store) is None
    store.write_json(CALIBRATION_FILE, shipped().model_dump(mode="json"))
    assert calibrated(store) == shipped()
    earlier = shipped().model_dump(mode="json")
    del earlier["costs"]["dissimilarity"]
    for damaged in ({"machine": "x"}, earlier):
        store.write_json(CALIBRATION_FILE, damaged)
        with pytest.raises(StoreError, match="minecover calibrate"):
            calibrated(store)


def test_what_does_not_fit_is_refused_with_the_numbers(survey: Survey) -> None:
    refuse_what_cannot_fit(survey, plan_of(stored=1e3))
    with pytest.raises(SurveyError, match=r"cube: 1 worker\(s\) of 2,000,000,000 MiB"):
        refuse_what_cannot_fit(survey, plan_of(memory=2e9))
    with pytest.raises(SurveyError, match=r"9,000,000,000\.0 GB are still to be stored"):
        refuse_what_cannot_fit(survey, plan_of(stored=1e18))


def test_what_is_done_needs_no_room(survey: Survey) -> None:
    refuse_what_cannot_fit(survey, plan_of(stored=1e18, memory=2e9, share=1.0))


def test_a_cluster_elsewhere_is_not_measured_by_this_machine(survey: Survey) -> None:
    engine = survey.engine.model_copy(
        update={"tiles": "dask", "dask_address": "tcp://a:1", "prediction": "ray",
                "ray_address": "auto"}
    )  # fmt: skip
    far = survey.model_copy(update={"engine": engine})
    refuse_what_cannot_fit(far, plan_of(memory=2e9, stored=0.0))


@given(
    budget=st.floats(0, 200),
    flight=st.integers(1, 6),
    factors=st.lists(st.floats(0.1, 1.0), min_size=1, max_size=20),
)
def test_no_budget_is_overspent(budget: float, flight: int, factors: list[float]) -> None:
    """Tiles that cost at most what was planned, several at once, ending in any order."""
    survey = tile_survey("unused", 1, 1)
    guard = PlanGuard(Prices(core_hour=5.0), budget)
    guard.open_stage(survey, plan_of(), "cube", {})
    spent, running = 0.0, 0
    for factor in factors:
        while running < flight and guard.admits_tile("cube"):
            running += 1
        if not running:
            break
        seconds = 360.0 * factor  # ten tiles of the stage's one core-hour: 360 s each
        guard.tile_ended("cube", Outcome(Tile(0, 0), {"seconds": seconds}))
        running -= 1
        spent += 5.0 * seconds / 3600 + 0.1
    spent += 0.6 * running
    assert spent <= budget + 1e-6


def test_dear_tiles_are_counted_at_their_price(survey: Survey) -> None:
    guard = PlanGuard(Prices(core_hour=5.0), budget=10.0)
    guard.open_stage(survey, plan_of(), "cube", {})
    assert guard.admits_tile("cube")
    guard.tile_ended("cube", Outcome(Tile(0, 0), {"seconds": 3600.0}))  # ten times the plan: 5.10
    assert guard.spent == pytest.approx(5.1)
    assert not guard.admits_tile("cube")
    with pytest.raises(
        BudgetError, match=r"cube: .*5\.10 of 10\.00 are spent.*5\.10; what is done"
    ):
        guard.raise_reason("cube")


def test_what_was_spent_before_counts(survey: Survey) -> None:
    half = plan_of(share=0.5)  # nine stages of 6.00, half of each done
    guard = PlanGuard(Prices(core_hour=5.0), budget=32.0)
    with pytest.raises(
        BudgetError, match=r"train: .*27\.00 of 32\.00 .* the stage costs about 6\.00"
    ):
        guard.open_stage(survey, half, "train", {})
    PlanGuard(Prices(core_hour=5.0), budget=33.0).open_stage(survey, half, "train", {})


def test_tiles_that_came_to_nothing_are_paid_for_too(survey: Survey) -> None:
    guard = PlanGuard(Prices(core_hour=5.0), budget=10.0)
    guard.open_stage(survey, plan_of(), "cube", {"cube": 0.2})
    assert guard.spent == pytest.approx(1.0)
    for outcome, cost in (
        (Outcome(Tile(0, 0), {"seconds": 360.0}, "B04 is truncated"), 0.5),
        (Outcome(Tile(0, 1), {"seconds": 360.0, "attempt": 3}), 1.6),  # two workers died of it
        (Outcome(Tile(0, 2), elsewhere="held"), 0.0),
    ):
        before = guard.spent
        assert guard.admits_tile("cube")
        guard.tile_ended("cube", outcome)
        assert guard.spent - before == pytest.approx(cost)
    assert guard.in_work == 0
    spent = guard.spent
    guard.open_stage(survey, plan_of(), "features", {})  # as after the markers were deleted
    assert guard.spent == spent


def test_the_ledger_tells_what_came_to_nothing(survey: Survey) -> None:
    stages = number_stages(bad=("r0000c0001",), seconds=0.05)
    run = Run(survey, stages, Silent())
    with pytest.raises(DataError):
        run.until("cube")
    layout = run.ledger.layout("cube")
    assert layout is not None
    markers = TileMarkers(run.store, "cube", layout["fingerprint"])
    failed, done = markers.failed("r0000c0001"), markers.done("r0000c0000")
    assert failed is not None
    assert done is not None
    seconds = failed["facts"]["seconds"]
    assert seconds >= 0.05
    cores = survey.engine.threads
    assert lost_core_hours(run)["cube"] == pytest.approx(cores * seconds / 3600)
    markers.reopen("r0000c0001")
    markers.fail("r0000c0001", "its worker died 5 times", {})
    assert lost_core_hours(run)["cube"] == 0
    markers.reopen("r0000c0000")
    markers.finish("r0000c0000", {**done, "attempt": 2})  # as where the first worker died
    expected = cores * done["facts"]["seconds"] / 3600
    assert lost_core_hours(run)["cube"] == pytest.approx(expected)
    assert actuals(run)["cube"].share == pytest.approx(19 / 20)


class AtMost(Guard):
    """Admits some tiles."""

    def __init__(self, tiles: int) -> None:
        self.left = tiles

    def admits_tile(self, stage: str) -> bool:
        self.left -= 1
        return self.left >= 0

    def raise_reason(self, stage: str) -> NoReturn:
        raise BudgetError(f"{stage}: no more")


@pytest.mark.parametrize("admitted", [0, 7, 19])
def test_a_run_stops_at_a_tiles_edge_and_goes_on(survey: Survey, admitted: int) -> None:
    stages = number_stages()
    with pytest.raises(BudgetError, match="cube: no more"):
        Run(survey, stages, Silent(), guard=AtMost(admitted)).until("cube")
    store = Store(survey.store)
    layout = Ledger(store).layout("cube")
    assert layout is not None
    markers = TileMarkers(store, "cube", layout["fingerprint"])
    assert len(list(markers.names("done"))) == admitted
    assert list(store.names(markers.leases(0).prefix)) == []
    told = Silent()
    Run(survey, stages, told).until("cube")
    assert told.counts == {"done": 20 - admitted}


def test_constants_in_an_empty_store_do_not_make_it_anothers(survey: Survey) -> None:
    Store(survey.store).write_json(CALIBRATION_FILE, shipped().model_dump(mode="json"))
    assert take_store(Workspace(survey, number_stages()))


def test_the_disk_is_measured_and_left_clean(tmp_path: Path) -> None:
    write, read = disk_rates(Store(str(tmp_path)))
    assert write > 0
    assert read > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda: plan_of(),
        lambda: plan_of(core_hours=123456.0, computing=6172800.0, seconds=9e6, gpu_hours=99999.0,
                        read=3e15, stored=4e14, moved=5e15, tiles=100_000, memory=23456.0,
                        planned_core_hours=120000.0, actual_core_hours=99999.0, share=0.8),
        lambda: plan_of(computing=None, keeping=None),
    ],
)  # fmt: skip
def test_the_tables_fit_80_columns(change: Callable[[], Plan]) -> None:
    plan = replace(change(), currency="EUR", machine={"shipped": "a machine"})
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(PlanSheet(plan))
    lines = console.export_text().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert any(line.startswith("publish") for line in lines)


def test_the_document_is_json_with_totals() -> None:
    document = json.loads(json.dumps(plan_document(plan_of())))
    assert document["total"]["core_hours"] == pytest.approx(9)
    assert document["total"]["money"] == pytest.approx(54)
    assert [item["stage"] for item in document["stages"]] == list(STAGES)


def test_a_budget_needs_prices(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", str(tmp_path / "s.yaml"), "--budget", "1"])
    assert isinstance(result.exception, SurveyError)
    assert "--prices" in str(result.exception)
    assert BudgetError("x").exit_code == 3
