"""Scripts that carry a survey through a Slurm cluster: `minecover manifests --slurm`."""

from __future__ import annotations

from dataclasses import dataclass, field

from minecover.kubernetes.inputs import survey_text
from minecover.kubernetes.jobs import ALONE, StageJob, jobs_of
from minecover.kubernetes.names import object_name
from minecover.kubernetes.sizes import Sizes, completions, pod_memory
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

__all__ = ["SlurmPlan", "plan_slurm"]

MOST_TASKS = 1000
"""Unless more are requested: `MaxArraySize` is 1001 where nobody has changed it."""

RESTARTS = 10
"""Times that a task is queued again after a temporary fault, as an index of a Kubernetes Job."""

GRACE = 120
"""Seconds before a time limit at which a task is told to end."""


@dataclass(frozen=True)
class SlurmPlan:
    """Everything that the templates of Slurm need.

    Attributes
    ----------
    completions, parallelism
        Tasks of each array job, and those at once.
    cpu
        Processors of a task.
    tile_memory, stage_memory
        MiB of a task on tiles, and of any other job by its step.
    survey
        The survey file as tasks read it.
    """

    name: str
    completions: int
    parallelism: int
    cpu: int
    tile_memory: int
    stage_memory: dict[str, int]
    jobs: tuple[StageJob, ...]
    survey: str = field(repr=False)
    restarts: int = RESTARTS
    grace: int = GRACE


def plan_slurm(survey: Survey, sizes: Sizes) -> SlurmPlan:
    """Work out the jobs of a survey on nodes that see the same files, or the same bucket.

    Raises
    ------
    DataError, SurveyError
        The samples are there and cannot be used, or an option is wrong.
    """
    grid, jobs = survey_grid(survey), jobs_of(survey)
    tasks = completions(grid, sizes, MOST_TASKS)
    memory, stage_memory = pod_memory(survey, grid, jobs, sizes)
    return SlurmPlan(
        name=object_name(survey.name),
        completions=tasks,
        parallelism=min(sizes.parallelism, tasks),
        cpu=survey.engine.threads,
        tile_memory=memory,
        stage_memory=stage_memory,
        jobs=jobs,
        # its paths are whole ones
        survey=survey_text(survey.model_dump(mode="json", exclude_unset=True), ALONE),
    )
