"""A plan on more workers than there are."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from minecover.api.scale_table import Circumstances, scale_survey
from minecover.commands.app import app
from minecover.errors import SurveyError
from minecover.models.network.architecture import Architecture, kernel_sizes
from minecover.models.resnet50 import RESNET50
from minecover.models.settings import ModelSettings
from minecover.planning.actual import cores_of, tile_markers
from minecover.planning.constants import shipped
from minecover.planning.costs import core_seconds
from minecover.planning.plan import plan_survey
from minecover.planning.prices import Prices
from minecover.planning.scale import ENOUGH, Scaling, spreads
from minecover.planning.simulation import Pool
from minecover.planning.work import workload
from minecover.stages.learning_cost import (
    assessment_units,
    judging,
    judging_without_folds,
    retraining,
    training_units,
    trainings,
    trials_of,
)
from minecover.stages.registry import stages_of
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run

PRICES = Prices(core_hour=0.05, gb_month_stored=0.02)


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    return tile_survey(str(tmp_path / "store"), 12, 12)


@pytest.fixture
def scaling(survey: Survey) -> Scaling:
    return Scaling.of(Run(survey, stages_of(survey), Silent()), PRICES)


def test_one_worker_takes_what_the_plan_says(scaling: Scaling) -> None:
    one = scaling.on(Pool(1))
    for stage in ("cube", "features", "predict"):
        planned = scaling.plan.stage(stage)
        assert planned.tile_seconds is not None
        # 144 tiles are drawn: their mean is within some per cent of the mean they are drawn from
        cores = cores_of(stage, scaling.survey)  # a small grid is predicted by those of all workers
        expected = cores * (planned.first_seconds + 144 * planned.tile_seconds)
        assert one.stages[stage] == pytest.approx(expected, rel=0.15)
        assert planned.core_hours == pytest.approx(expected / 3600, rel=1e-6)
    assert one.core_hours == pytest.approx(scaling.plan.total("core_hours"), rel=0.15)
    assert one.money == pytest.approx(0.05 * one.core_hours + _kept(scaling), rel=1e-6)


def test_the_workers_of_the_survey_take_what_the_plan_says(tmp_path: Path) -> None:
    survey = tile_survey(str(tmp_path / "store"), 12, 12, tiles="dask", prediction="ray", workers=3)
    scaling = Scaling.of(Run(survey, stages_of(survey), Silent()))
    # without a start of their own they are there with their engine
    seconds = scaling.on(Pool(3)).stages
    for stage in ("cube", "features"):
        assert seconds[stage] == pytest.approx(scaling.plan.stage(stage).seconds, rel=0.15)


def _kept(scaling: Scaling) -> float:
    return PRICES.keeping(scaling.plan.total("stored"), scaling.plan.total("moved"))


def test_more_workers_take_less_time_and_no_less_money(scaling: Scaling) -> None:
    scaled = [scaling.on(Pool(count, start=10.0)) for count in (1, 4, 16, 64)]
    assert scaled == [scaling.on(Pool(count, start=10.0)) for count in (1, 4, 16, 64)]
    for fewer, more in pairwise(scaled):
        assert more.tile_seconds <= fewer.tile_seconds
        assert more.core_hours >= fewer.core_hours
        assert more.efficiency <= fewer.efficiency
    rest = scaled[0].seconds - scaled[0].tile_seconds
    assert all(each.seconds - each.tile_seconds == pytest.approx(rest) for each in scaled)


def test_gpus_are_paid_while_their_workers_wait(scaling: Scaling) -> None:
    stages = tuple(
        replace(item, gpu_hours=1.0) if item.stage == "predict" else item
        for item in scaling.plan.stages
    )
    with_gpu = replace(scaling, plan=replace(scaling.plan, stages=stages))
    few, many = (with_gpu.on(Pool(count, start=30.0)).gpu_hours for count in (1, 50))
    assert 0 < few < many
    assert scaling.on(Pool(1)).gpu_hours == 0


def test_the_ledger_tells_how_unequal_tiles_are(survey: Survey, tmp_path: Path) -> None:
    run = Run(survey, stages_of(survey), Silent())
    assert spreads(run) == shipped().spread
    stubs = Run(survey, number_stages(writes=False), Silent())
    stubs.until("cube")
    known = spreads(run)
    assert len(known["cube"]) == 144 >= ENOUGH
    assert known["features"] == shipped().spread["features"]
    layout = stubs.ledger.layout("cube")
    assert layout is not None
    markers, count = tile_markers(stubs.ledger.all_markers("cube")[0])
    assert count == 144
    assert sorted(known["cube"]) == sorted(m["facts"]["seconds"] for m in markers)


def test_the_command(survey: Survey, tmp_path: Path) -> None:
    path = tmp_path / "survey.yaml"
    path.write_text(survey.model_dump_json())
    given = ["scale", str(path), "--workers", "2", "--workers", "20", "--start", "5"]
    shown = CliRunner().invoke(app, given, catch_exceptions=False)
    assert "workers" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80
    options = ["--bandwidth", "100", "--preemptions", "1", "--announced", "0", "--json"]
    told = json.loads(CliRunner().invoke(app, [*given, *options], catch_exceptions=False).output)
    assert [item["workers"] for item in told] == [2, 20]
    assert told[1]["tile_seconds"] < told[0]["tile_seconds"]


def test_a_table_of_its_numbers(survey: Survey) -> None:
    frame = scale_survey(survey, Circumstances(start=5), workers=[2, 20]).frame
    assert list(frame.index) == [2, 20]
    assert frame["tile_seconds"].is_monotonic_decreasing
    assert (frame["efficiency"] <= 1).all()
    with pytest.raises(SurveyError, match=r"workers: \[0\]; give whole numbers above 0"):
        scale_survey(survey, Circumstances(), workers=[1, 0])


def test_a_network_multiplies_as_published() -> None:
    """He et al. 2016, Table 1: 25.6 million weights with 1,000 classes, 3.8e9 products at 224."""
    model = ModelSettings(window=35)
    shape = Architecture(3, 1000, kernel_sizes(35))
    multiplied, weights = shape.products(35)
    assert shape.weights == weights
    # the stem is 3 x 3 instead of 7 x 7; batch norms and biases are no convolutions
    assert weights == pytest.approx(25.557e6 - 3 * 64 * (49 - 9) - 53_120 - 1000, rel=1e-4)
    assert multiplied > weights
    assert shape.products(36)[0] > multiplied
    dense, patch = (
        RESNET50.reading_units(ModelSettings(window=17, reading=reading), 40, 6)
        for reading in ("dense", "patch")
    )
    assert patch > 4 * dense
    three = model.model_copy(update={"members": 3})
    assert RESNET50.reading_memory(three, 40, 6) > RESNET50.reading_memory(model, 40, 6) > 100


def test_areas_left_out_are_trials_too(survey: Survey) -> None:
    assert trials_of(survey) == 2
    both = survey.assessment.model_copy(update={"areas": True, "folds": 3})
    assert trials_of(survey.model_copy(update={"assessment": both})) == 9


def test_self_training_is_tried_without_each_fold(survey: Survey) -> None:
    plain = survey.replace(model__kind="rf", model__options={}, samples__folds=5)
    further = plain.replace(model__self_training={"share": 0.5, "weight": 0.5, "rounds": 2})
    work = workload(plain, survey_grid(plain))
    # one training on n samples and two on 1.5 n, and the same five times on four fifths of them
    assert training_units(further, work) == pytest.approx(5 * 4 * training_units(plain, work))
    assert trainings(plain, work) == 1
    assert trainings(further, work) == 6 * 3
    assert assessment_units(further, work) == pytest.approx(4 * assessment_units(plain, work))


def test_forests_that_judge_labels_are_counted(survey: Survey) -> None:
    keep = survey.replace(model__kind="rf", model__options={}, samples__folds=5)
    judged = keep.replace(model__doubtful_labels="leave_out")
    work = workload(keep, survey_grid(keep))
    (of_all,), (of_folds,) = judging(judged, work), judging_without_folds(judged, work)
    # five forests of 100 trees for one of 500, on four fifths of the points
    assert of_all.times == 1
    assert of_all.work.points == pytest.approx(work.points * 0.8, abs=1)
    assert of_folds.times == trials_of(judged)
    assert of_folds.work.points == pytest.approx(work.points * 0.64, abs=1)
    assert not judging(keep, work)
    cost = {
        (stage, one.model.doubtful_labels): core_seconds(stage, one, work, shipped())
        for stage in ("train", "assess")
        for one in (keep, judged)
    }
    forest = core_seconds("train", keep, of_all.work, shipped())
    assert cost["train", "leave_out"] - cost["train", "keep"] == pytest.approx(forest)
    assert cost["assess", "leave_out"] > cost["assess", "keep"]


def test_a_model_that_is_trained_anew_is_counted_for_each_fold(survey: Survey) -> None:
    own = survey.replace(model__kind="rf", model__options={}, samples__folds=5)
    work = workload(own, survey_grid(own))
    carried = own.replace(model__carried_from="there", model__adaptation="retrain")
    (again,) = retraining(carried, work)
    assert again.times == 6
    assert again.survey == own.replace(model__adaptation="retrain")
    left = carried.replace(model__adaptation="recalibrate")
    cost = [core_seconds("carry", one, work, shipped()) for one in (left, carried)]
    assert cost[1] - cost[0] == pytest.approx(6 * core_seconds("train", own, work, shipped()))


def test_a_plan_of_a_finished_stage_is_of_its_tiles(survey: Survey) -> None:
    planned = plan_survey(Run(survey, stages_of(survey), Silent())).stage("cube")
    assert planned.tile_seconds is not None
    assert planned.tile_seconds > 0
