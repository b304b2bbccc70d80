"""Jobs that carry a survey's stages through a cluster, worked out from what the stages say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from minecover.kubernetes.names import step_name
from minecover.planning.stage_cost import UNKNOWN
from minecover.stages.registry import stages_of
from minecover.survey import Survey
from minecover.workflow.stage import Stage

__all__ = [
    "ALONE",
    "DASK_ENGINE",
    "RAY_ENGINE",
    "ClusterJob",
    "StageJob",
    "dask_job",
    "jobs_of",
    "ray_jobs",
]

DASK_ENGINE = {"tiles": "dask", "prediction": "local", "training": "local"}
"""Engines of a survey that a Dask cluster works on."""

RAY_ENGINE = {"tiles": "local", "prediction": "ray", "training": "ray"}
"""Engines of a survey that a Ray cluster works on."""


ALONE: dict[str, str | int | None] = {
    **{"tiles": "local", "prediction": "local", "training": "local"},
    **{"workers": 1, "training_workers": 1, "dask_address": None, "ray_address": None},
}
"""Engine of a survey on which one process works alone."""


@dataclass(frozen=True)
class StageJob:
    """A stage as a Job, or the end of one.

    Attributes
    ----------
    step
        Its name in the cluster.
    command
        Command with which one process does it: a stage's name, or `run`.
    tiles
        Whether it is an Indexed Job whose indexes share the stage's tiles.
    ends
        Whether it only finishes what Jobs before it leave: no index knows whether the others are
        done, so one process has to look and to write the stage's marker.
    trains
        Whether models are trained in it.
    holds_points
        Whether it holds all labelled points at once.
    writes_products
        Whether one process writes rasters of the whole area in it.
    on_dask
        Whether its tiles can be worked on by a Dask cluster.
    on_gpu
        Whether it reads a model tile by tile on an engine that can be a Ray cluster.
    """

    step: str
    command: str
    tiles: bool = False
    ends: bool = False
    trains: bool = False
    holds_points: bool = False
    writes_products: bool = False
    on_dask: bool = False
    on_gpu: bool = False


@dataclass(frozen=True)
class ClusterJob:
    """What one process does by means of a Dask or Ray cluster.

    Attributes
    ----------
    step, command
        As of a `StageJob`.
    tiles
        Whether the cluster works on tiles; else it trains.
    stages
        Steps of the stages that it does.
    replaces
        Steps of the base whose Jobs it replaces: those of the stages, and of their ends.
    """

    step: str
    command: str
    tiles: bool
    stages: tuple[str, ...]
    replaces: tuple[str, ...]


def jobs_of(survey: Survey) -> tuple[StageJob, ...]:
    """Work out the Jobs of a survey, in order."""
    jobs: list[StageJob] = []
    unfinished: Stage | None = None
    for stage in stages_of(survey):
        tiles, own_pod = stage.has_tiles(survey), stage.own_pod(survey)
        if own_pod:
            if tiles and unfinished is not None:
                jobs.append(_end(unfinished))
            jobs.append(_tiles_job(stage, survey) if tiles else _whole_job(stage, survey))
        unfinished = None if own_pod and not tiles else stage
    if jobs[-1].tiles and unfinished is not None:
        jobs.append(_end(unfinished))
    return (*jobs[:-1], replace(jobs[-1], command="run"))


def _tiles_job(stage: Stage, survey: Survey) -> StageJob:
    def engine(settings: dict[str, str]) -> str:
        return stage.engine(survey.replace(engine=survey.engine.replace(**settings)))

    return StageJob(
        step_name(stage.name),
        stage.name,
        tiles=True,
        on_dask=engine(DASK_ENGINE) == "dask",
        on_gpu=engine(RAY_ENGINE) == "ray" and (stage.cost or UNKNOWN).reads_model,
    )


def _whole_job(stage: Stage, survey: Survey) -> StageJob:
    cost = stage.cost or UNKNOWN
    trains = cost.by_model if cost.trains is None else cost.trains(survey)
    return StageJob(
        step_name(stage.name),
        stage.name,
        trains=trains,
        holds_points=trains or cost.all_workers,
        writes_products=bool(stage.writes),
    )


def _end(stage: Stage) -> StageJob:
    return StageJob(f"{step_name(stage.name)}-end", stage.name, ends=True)


def dask_job(jobs: Sequence[StageJob]) -> ClusterJob:
    """Work out what a Dask cluster does: the first stages in a row whose tiles it can work on."""
    first = next(index for index, job in enumerate(jobs) if job.on_dask)
    return _on_cluster([*takewhile(lambda job: job.on_dask or job.ends, jobs[first:])])


def ray_jobs(
    jobs: Sequence[StageJob], wanted: Callable[[StageJob], bool]
) -> tuple[ClusterJob, ...]:
    """Work out what Ray clusters do, one for each Job that is wanted and its end."""
    return tuple(_on_cluster([*_with_end(jobs, job)]) for job in jobs if wanted(job))


def _with_end(jobs: Sequence[StageJob], job: StageJob) -> Iterator[StageJob]:
    yield job
    after = jobs[jobs.index(job) + 1 :]
    if job.tiles and after and after[0].ends:
        yield after[0]


def _on_cluster(jobs: Sequence[StageJob]) -> ClusterJob:
    stages = [job for job in jobs if not job.ends]
    return ClusterJob(
        stages[-1].step,
        jobs[-1].command,
        stages[-1].tiles,
        stages=tuple(job.step for job in stages),
        replaces=tuple(job.step for job in jobs),
    )
