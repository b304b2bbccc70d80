"""Jobs of stages, whatever the stages are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minecover.kubernetes import jobs
from minecover.kubernetes.jobs import ClusterJob, StageJob, dask_job, jobs_of, ray_jobs
from minecover.survey import Survey, load
from minecover.workflow.cost import StageCost
from minecover.workflow.stage import Stage

ROOT = Path(__file__).resolve().parents[3]

Jobs = Callable[..., tuple[StageJob, ...]]


def stage(name: str, *, tiles: bool = False, own_pod: bool = True, **rest: Any) -> Stage:
    return Stage(
        name,
        "",
        lambda workspace: None,
        lambda context: {},
        has_tiles=lambda survey: tiles,
        own_pod=lambda survey: own_pod,
        **rest,
    )


def cost(**facts: bool) -> StageCost:
    return StageCost(lambda survey, work: 0.0, lambda survey, volumes: (0.0, 0.0), **facts)


def prediction(name: str, **facts: bool) -> Stage:
    return stage(
        name, tiles=True, engine=lambda survey: survey.engine.prediction, cost=cost(**facts)
    )


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    survey = load(ROOT / "examples" / "dongsheng.yaml")

    def of(*stages: Stage) -> tuple[StageJob, ...]:
        def stages_of(_: Survey) -> tuple[Stage, ...]:
            return stages

        monkeypatch.setattr(jobs, "stages_of", stages_of)
        return jobs_of(survey)

    return of


def commands(made: tuple[StageJob, ...]) -> list[tuple[str, str]]:
    return [(job.step, "tile" if job.tiles else job.command) for job in made]


def test_stages_of_this_package() -> None:
    assert commands(jobs_of(load(ROOT / "examples" / "dongsheng.yaml"))) == [
        ("catalog", "catalog"),
        ("cube", "tile"),
        ("cube-end", "cube"),
        ("features", "tile"),
        ("select", "select"),
        ("train", "train"),
        ("predict", "tile"),
        ("assess", "assess"),
        ("publish", "run"),
    ]


@pytest.mark.parametrize(
    ("adaptation", "trains"), [("none", False), ("recalibrate", False), ("retrain", True)]
)
def test_a_carried_model_gets_what_training_needs_where_it_is_trained_anew(
    adaptation: str, trains: bool
) -> None:
    survey = load(ROOT / "examples" / "dongsheng.yaml")
    model = {"kind": "seasons", "carried_from": "s3://bucket/there", "adaptation": adaptation}
    made = jobs_of(survey.replace(model=model))
    carry = next(job for job in made if job.command == "carry")
    assert (carry.trains, carry.holds_points) == (trains, trains)
    assert not next(job for job in made if job.command == "assess").trains  # tested as it is
    on_ray = ray_jobs(made, lambda job: job.trains)
    assert [job.command for job in on_ray] == ["carry"] * trains


def test_before_tiles_all_before_them_is_finished(made: Jobs) -> None:
    """Also a stage without a pod, which the indexes of the next would not do."""
    small = stage("small", own_pod=False)
    assert commands(made(stage("a", tiles=True), small, stage("b", tiles=True), stage("c"))) == [
        ("a", "tile"),
        ("small-end", "small"),
        ("b", "tile"),
        ("c", "run"),
    ]


def test_one_process_finishes_the_last_stage(made: Jobs) -> None:
    assert commands(made(stage("a"), stage("b", tiles=True))) == [
        ("a", "a"),
        ("b", "tile"),
        ("b-end", "run"),
    ]
    assert commands(made(stage("a"), stage("small", own_pod=False))) == [("a", "run")]


def test_steps_have_names_of_kubernetes(made: Jobs) -> None:
    job, last = made(stage("count_pits"), stage("setup"))
    assert job.step.startswith("count-")
    assert job.command == "count_pits"
    assert last.step.startswith("setup-")


def test_what_jobs_need_follows_from_what_stages_say(made: Jobs) -> None:
    plain, select, train, write = made(
        stage("plain"),
        stage("select", cost=cost(all_workers=True)),
        stage("train", cost=cost(by_model=True)),
        stage("write", writes=("products",)),
    )
    assert (plain.trains, plain.holds_points, plain.writes_products) == (False, False, False)
    assert (select.trains, select.holds_points) == (False, True)
    assert (train.trains, train.holds_points) == (True, True)
    assert write.writes_products


def test_dask_does_the_first_tiles_in_a_row(made: Jobs) -> None:
    a, b, c = (stage(name, tiles=True) for name in "abc")
    assert dask_job(made(a, b, stage("x"), c, stage("y"))) == ClusterJob(
        "b", "b", tiles=True, stages=("a", "b"), replaces=("a", "a-end", "b")
    )
    read = prediction("read", reads_model=True)
    assert dask_job(made(a, read, stage("y"))).replaces == ("a", "a-end")
    assert dask_job(made(stage("x"), a)).command == "run"


def test_ray_does_what_trains_and_what_reads_a_model(made: Jobs) -> None:
    all_jobs = made(
        stage("a", tiles=True),
        stage("train", cost=cost(by_model=True)),
        prediction("read", reads_model=True),
        prediction("other"),
        stage("local", tiles=True, cost=cost(reads_model=True)),
        stage("y"),
    )
    on_gpus = ray_jobs(all_jobs, lambda job: job.trains or job.on_gpu)
    assert [(job.command, job.tiles, job.replaces) for job in on_gpus] == [
        ("train", False, ("train",)),
        ("read", True, ("read", "read-end")),
    ]
