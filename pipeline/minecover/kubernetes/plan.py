"""From a survey to the figures with which its manifests are filled in."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field

from minecover.errors import SurveyError
from minecover.geography.grid import Grid
from minecover.kubernetes.cluster import Cluster
from minecover.kubernetes.disk import SMALL, Scratch, products_scratch
from minecover.kubernetes.inputs import local_files, pod_survey, read_files
from minecover.kubernetes.jobs import (
    ALONE,
    DASK_ENGINE,
    RAY_ENGINE,
    ClusterJob,
    StageJob,
    dask_job,
    jobs_of,
    ray_jobs,
)
from minecover.kubernetes.names import (
    RAY_LIMIT,
    check_image,
    check_label,
    mebibytes,
    object_name,
)
from minecover.kubernetes.packages import other_packages
from minecover.kubernetes.request import OVERLAYS, Request, check_request
from minecover.kubernetes.sizes import completions, pod_memory
from minecover.models.lookup import kind_of
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

__all__ = ["ClusterPlan", "plan_cluster"]

GRACE = 120
"""Seconds between SIGTERM and SIGKILL. Clouds give a spot node 30 to 120 s."""


@dataclass(frozen=True)
class ClusterPlan:
    """Everything that the templates need.

    Attributes
    ----------
    cluster
        What the cluster file says.
    completions, workers, parallelism
        Indexes of each Indexed Job, pods of it at once without a pool, and with one.
    cpu
        Processors of a pod.
    tile_memory, stage_memory
        MiB of a pod that works on tiles, and of any other by its step.
    scratch
        Disk space of a pod by its step.
    training_workers
        Workers of a Ray cluster that trains.
    trains_on_ray
        Whether the survey's kind of model is trained by Ray.
    surveys, input_files
        Contents of the ConfigMaps by file name.
    input_names
        Files of the survey, by their names in a pod.
    inputs_claim
        A PersistentVolumeClaim that holds the survey's files.
    jobs
        Of the base, in order.
    packages
        Other packages that the survey uses, each with the stages that use it.
    """

    name: str
    cluster: Cluster
    image: str
    gpu_image: str
    overlays: tuple[str, ...]
    completions: int
    workers: int
    parallelism: int
    cpu: int
    tile_memory: int
    stage_memory: dict[str, int]
    scratch: dict[str, Scratch]
    training_workers: int
    trains_on_ray: bool
    surveys: dict[str, str] = field(repr=False)
    input_files: dict[str, str] = field(repr=False)
    inputs_claim: str | None
    input_names: tuple[str, ...]
    jobs: tuple[StageJob, ...]
    packages: dict[str, list[str]]
    grace: int = GRACE
    small: Scratch = SMALL
    singletons: tuple[str, ...] = ("stage",)

    @property
    def ray_version(self) -> str:
        """Version of Ray here, which the image has too.

        Raises
        ------
        SurveyError
            There is none, as in an image for classical models.
        """
        try:
            return importlib.metadata.version("ray")
        except importlib.metadata.PackageNotFoundError as error:
            raise SurveyError(
                "manifests: Ray is not installed here, and overlays for it name its version; "
                "install it (the image with all libraries has it), or name other overlays by "
                "--overlay"
            ) from error

    @property
    def secret(self) -> str:
        """Name of the Secret with the store's keys, which the person who runs the survey makes."""
        return f"{self.name}-store"

    @property
    def variables(self) -> dict[str, str]:
        """Variables of every container that are no secret."""
        return {**self.cluster.proxies.variables, **self.cluster.identity.variables}

    @property
    def kinds(self) -> dict[str, tuple[str, ...]]:
        """Kinds of a survey's objects that operators bring, by the group of their API."""
        found: dict[str, tuple[str, ...]] = {}
        if self.ray_jobs.keys() & {*self.overlays}:
            found["ray.io"] = ("rayjobs.ray.io",)
        if "dask-cluster" in self.overlays:
            found["kubernetes.dask.org"] = ("daskclusters.kubernetes.dask.org",)
        return found

    @property
    def steps(self) -> tuple[str, ...]:
        """Steps after `setup`, in order; the first tries the volumes that pods share."""
        volumes = ("volumes",) if self.inputs_claim or self.shares_training else ()
        return (*volumes, *(job.step for job in self.jobs))

    @property
    def shares_training(self) -> bool:
        """Whether several nodes train a network together, with a volume that all of them see."""
        return self.trains_on_ray and self.cluster.training_storage_class is not None

    @property
    def dask_job(self) -> ClusterJob:
        """What a Dask cluster does."""
        return dask_job(self.jobs)

    @property
    def spot_jobs(self) -> tuple[ClusterJob, ...]:
        """What Ray does on spot nodes: training, where nodes share a volume."""
        return ray_jobs(self.jobs, lambda job: self.shares_training and job.trains)

    @property
    def gpu_jobs(self) -> tuple[ClusterJob, ...]:
        """What Ray does on GPUs: training on several nodes, and reading a model tile by tile."""
        return ray_jobs(self.jobs, lambda job: (self.shares_training and job.trains) or job.on_gpu)

    @property
    def ray_jobs(self) -> dict[str, tuple[ClusterJob, ...]]:
        """What Ray does, by overlay."""
        return {"spot-pool": self.spot_jobs, "gpu-pool": self.gpu_jobs}

    @property
    def gpu_stages(self) -> tuple[StageJob, ...]:
        """Jobs of one process that train on one GPU."""
        return tuple(job for job in self.jobs if job.trains and not self.shares_training)

    def ray_workers(self, job: ClusterJob) -> int:
        """Count the workers of a Ray cluster."""
        return self.parallelism if job.tiles else self.training_workers

    @property
    def max_failed_indexes(self) -> int:
        """Failed indexes above which the whole Job fails: one in twenty."""
        return max(1, self.completions // 20)


def plan_cluster(survey: Survey, request: Request) -> ClusterPlan:
    """Work out everything that the manifests of a survey need.

    Raises
    ------
    DataError, SurveyError
        The store is not on S3, pods would not see a file, the samples are there and cannot be used,
        or an option is wrong.
    """
    check_request(survey, request)
    grid = survey_grid(survey)
    indexes = completions(grid, request)
    name, files = object_name(survey.name), local_files(survey)
    image = check_image(request.image, "--image")
    parallelism = min(request.parallelism, indexes)
    claim, jobs = request.inputs_claim, jobs_of(survey)
    memory, stage_memory = pod_memory(survey, grid, jobs, request)
    plan = ClusterPlan(
        name=name,
        cluster=request.cluster,
        image=image,
        gpu_image=check_image(request.gpu_image or image, "--gpu-image"),
        overlays=tuple(overlay for overlay in OVERLAYS if overlay in request.overlays),
        completions=indexes,
        workers=min(survey.engine.workers, indexes),
        parallelism=parallelism,
        cpu=survey.engine.threads,
        tile_memory=memory,
        stage_memory=stage_memory,
        scratch=_scratch(survey, grid, jobs, request.cluster),
        training_workers=survey.engine.training_workers,
        trains_on_ray=kind_of(survey.model).trains_on_ray,
        surveys=_surveys(survey, name, parallelism),
        input_files={} if claim else read_files(files),
        inputs_claim=check_label(claim, "--inputs-claim") if claim and files else None,
        input_names=tuple(sorted(files)),
        jobs=jobs,
        packages=other_packages(survey),
    )
    _check_ray_names(plan)
    return plan


def _check_ray_names(plan: ClusterPlan) -> None:
    for overlay in plan.overlays:
        for job in plan.ray_jobs.get(overlay, ()):
            if len(f"{plan.name}-{job.step}") > RAY_LIMIT:
                raise SurveyError(
                    f"name: {plan.name} is too long for the RayJob of the stage {job.step}; give "
                    f"the survey a name of at most {RAY_LIMIT - len(job.step) - 1} characters, or "
                    f"leave out --overlay {overlay}"
                )


def _scratch(
    survey: Survey, grid: Grid, jobs: Sequence[StageJob], cluster: Cluster
) -> dict[str, Scratch]:
    pixels, limit = grid.shape[0] * grid.shape[1], mebibytes(cluster.node_disk)
    products = products_scratch(survey, pixels, limit)
    return {job.step: products if job.writes_products else SMALL for job in jobs}


def _surveys(survey: Survey, name: str, workers: int) -> dict[str, str]:
    """Survey files by what runs them: a single pod, a Ray cluster, a Dask cluster.

    `workers` is how many the clusters have that work on tiles.
    """
    nodes = survey.engine.training_workers
    ray = ALONE | RAY_ENGINE | {"ray_address": "auto"}
    ray |= {"workers": nodes, "training_workers": nodes}
    dask = ALONE | DASK_ENGINE | {"workers": workers}
    dask["dask_address"] = f"tcp://{name}-dask-scheduler:8786"
    return {
        "survey.yaml": pod_survey(survey, **ALONE),
        "survey-ray.yaml": pod_survey(survey, **ray),
        "survey-ray-tiles.yaml": pod_survey(survey, **ray | {"workers": workers}),
        "survey-dask.yaml": pod_survey(survey, **dask),
    }
