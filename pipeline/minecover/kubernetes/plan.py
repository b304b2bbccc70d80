"""From a survey to the figures with which its manifests are filled in."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field

from minecover.errors import SurveyError
from minecover.geography.grid import Grid
from minecover.kubernetes.disk import SMALL, Scratch, products_scratch
from minecover.kubernetes.inputs import local_files, pod_survey, read_files
from minecover.kubernetes.jobs import (
    DASK_ENGINE,
    RAY_ENGINE,
    ClusterJob,
    StageJob,
    dask_job,
    jobs_of,
    ray_jobs,
)
from minecover.kubernetes.memory import STAGE, learning_memory, tile_memory
from minecover.kubernetes.names import (
    RAY_LIMIT,
    check_image,
    check_label,
    object_name,
    queue_name,
)
from minecover.kubernetes.packages import other_packages
from minecover.models.registry import MODELS
from minecover.planning.work import workload
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

__all__ = ["OVERLAYS", "ClusterPlan", "Request", "plan_cluster"]

OVERLAYS = ("one-machine", "spot-pool", "gpu-pool", "dask-cluster")

TILES_PER_INDEX = 8
"""A pod takes seconds to start and to compile its kernels, which pays for several tiles only."""

MOST_INDEXES = 10_000
"""Unless more are requested: the status and the pods of a larger Job burden the API server."""

HARD_INDEXES = 100_000
"""Above this many completions Kubernetes limits parallelism and failed indexes further."""

GRACE = 120
"""Seconds between SIGTERM and SIGKILL. Clouds give a spot node 30 to 120 s."""


@dataclass(frozen=True)
class Request:
    """Options of `minecover manifests` beyond the survey; None: worked out.

    Attributes
    ----------
    image, gpu_image
        Container images; `gpu_image` None: the same as `image`.
    overlays
        Names out of `OVERLAYS`.
    completions
        Indexes of each Indexed Job.
    parallelism
        Pods of a pool at once that work on tiles, Ray workers that predict among them.
    memory
        MiB of a pod that works on tiles.
    stage_memory
        MiB of a stage that is one process, and of a Ray cluster's head and workers.
    namespace
        Namespace of all objects but those of the whole cluster.
    inputs_claim
        A PersistentVolumeClaim that holds the survey's files.
    monitoring
        Namespace of the Prometheus that may read the metrics of Dask and Ray.
    """

    image: str
    gpu_image: str | None = None
    overlays: tuple[str, ...] = OVERLAYS
    completions: int | None = None
    parallelism: int = 32
    memory: int | None = None
    stage_memory: int | None = None
    namespace: str = "minecover"
    inputs_claim: str | None = None
    monitoring: str = "monitoring"


@dataclass(frozen=True)
class ClusterPlan:
    """Everything that the templates need.

    Attributes
    ----------
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
    inputs_claim
        A PersistentVolumeClaim that holds the survey's files.
    jobs
        Of the base, in order.
    packages
        Other packages that the survey uses, each with the stages that use it.
    """

    name: str
    namespace: str
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
    monitoring: str
    has_inputs: bool
    jobs: tuple[StageJob, ...]
    packages: dict[str, list[str]]
    ray_version: str = field(default_factory=lambda: importlib.metadata.version("ray"))
    grace: int = GRACE
    small: Scratch = SMALL
    singletons: tuple[str, ...] = ("stage",)

    @property
    def secret(self) -> str:
        """Name of the Secret with the store's keys, which the person who runs the survey makes."""
        return f"{self.name}-store"

    @property
    def steps(self) -> tuple[str, ...]:
        """Steps after `setup`, in order."""
        return tuple(job.step for job in self.jobs)

    @property
    def dask_job(self) -> ClusterJob:
        """What a Dask cluster does."""
        return dask_job(self.jobs)

    @property
    def spot_jobs(self) -> tuple[ClusterJob, ...]:
        """What Ray does on spot nodes: training, where the kind of model can be trained by it."""
        return ray_jobs(self.jobs, lambda job: self.trains_on_ray and job.trains)

    @property
    def gpu_jobs(self) -> tuple[ClusterJob, ...]:
        """What Ray does on GPUs: training, and reading a model tile by tile."""
        return ray_jobs(self.jobs, lambda job: job.trains or job.on_gpu)

    def ray_workers(self, job: ClusterJob) -> int:
        """Count the workers of a Ray cluster."""
        return self.parallelism if job.tiles else self.training_workers

    @property
    def queue(self) -> str:
        """Name of the survey's ClusterQueue, which belongs to no namespace."""
        return queue_name(self.namespace, self.name)

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
    _check_store(survey)
    _check_overlays(survey, request.overlays)
    grid = survey_grid(survey)
    completions = _completions(grid, request)
    name, files = object_name(survey.name), local_files(survey)
    image = check_image(request.image, "--image")
    parallelism = min(request.parallelism, completions)
    claim, jobs = request.inputs_claim, jobs_of(survey)
    input_files = {} if claim else read_files(files)
    plan = ClusterPlan(
        name=name,
        namespace=check_label(request.namespace, "--namespace"),
        image=image,
        gpu_image=check_image(request.gpu_image or image, "--gpu-image"),
        overlays=tuple(overlay for overlay in OVERLAYS if overlay in request.overlays),
        completions=completions,
        workers=min(survey.engine.workers, completions),
        parallelism=parallelism,
        cpu=survey.engine.threads,
        tile_memory=request.memory or tile_memory(survey),
        stage_memory=_stage_memory(survey, grid, jobs, request),
        scratch=_scratch(survey, grid, jobs),
        training_workers=survey.engine.training_workers,
        trains_on_ray=MODELS[survey.model.kind].trains_on_ray,
        surveys=_surveys(survey, name, parallelism),
        input_files=input_files,
        inputs_claim=check_label(claim, "--inputs-claim") if claim and files else None,
        monitoring=check_label(request.monitoring, "--monitoring"),
        has_inputs=bool(files),
        jobs=jobs,
        packages=other_packages(survey),
    )
    _check_ray_names(plan)
    return plan


def _check_store(survey: Survey) -> None:
    if not survey.store.startswith("s3://"):
        raise SurveyError(
            f"store: {survey.store} is a folder of this machine, where pods do not see it; give an "
            "object store, as in --store s3://bucket/prefix"
        )


def _check_overlays(survey: Survey, overlays: Sequence[str]) -> None:
    unknown = [name for name in overlays if name not in OVERLAYS]
    if unknown or not overlays:
        raise SurveyError(f"--overlay {', '.join(unknown)}: there are {', '.join(OVERLAYS)}")
    if "gpu-pool" in overlays and not MODELS[survey.model.kind].uses_gpu:
        others = " ".join(f"--overlay {name}" for name in OVERLAYS if name != "gpu-pool")
        raise SurveyError(
            f"--overlay gpu-pool: model.kind {survey.model.kind} uses no GPU; give {others}"
        )


def _check_ray_names(plan: ClusterPlan) -> None:
    by_overlay = {"spot-pool": plan.spot_jobs, "gpu-pool": plan.gpu_jobs}
    for overlay in plan.overlays:
        for job in by_overlay.get(overlay, ()):
            if len(f"{plan.name}-{job.step}") > RAY_LIMIT:
                raise SurveyError(
                    f"name: {plan.name} is too long for the RayJob of the stage {job.step}; give "
                    f"the survey a name of at most {RAY_LIMIT - len(job.step) - 1} characters, or "
                    f"leave out --overlay {overlay}"
                )


def _completions(grid: Grid, request: Request) -> int:
    tiles = len(grid.tiles)
    chosen = request.completions
    if chosen is None:
        chosen = min(-(-tiles // TILES_PER_INDEX), MOST_INDEXES)
    if not 1 <= chosen <= min(tiles, HARD_INDEXES):
        raise SurveyError(
            f"--completions {chosen}: the area has {tiles} tile(s); give 1 to "
            f"{min(tiles, HARD_INDEXES)}"
        )
    if request.parallelism < 1:
        raise SurveyError(f"--parallelism {request.parallelism}: give 1 or more")
    return chosen


def _stage_memory(
    survey: Survey, grid: Grid, jobs: Sequence[StageJob], request: Request
) -> dict[str, int]:
    """MiB by step; every stage also works on tiles that are left over."""
    if request.stage_memory is not None:
        return {job.step: request.stage_memory for job in jobs}
    least = max(STAGE, request.memory or tile_memory(survey))
    work = workload(survey, grid)
    return {
        job.step: max(least, learning_memory(survey, work, trains=job.trains))
        if job.holds_points
        else least
        for job in jobs
    }


def _scratch(survey: Survey, grid: Grid, jobs: Sequence[StageJob]) -> dict[str, Scratch]:
    products = products_scratch(survey, grid.shape[0] * grid.shape[1])
    return {job.step: products if job.writes_products else SMALL for job in jobs}


def _surveys(survey: Survey, name: str, workers: int) -> dict[str, str]:
    """Survey files by what runs them: a single pod, a Ray cluster, a Dask cluster.

    `workers` is how many the clusters have that work on tiles.
    """
    alone: dict[str, str | int | None] = dict.fromkeys(("dask_address", "ray_address"))
    alone |= {"tiles": "local", "prediction": "local", "training": "local"}
    alone |= {"workers": 1, "training_workers": 1}
    nodes = survey.engine.training_workers
    ray = alone | RAY_ENGINE | {"ray_address": "auto"}
    ray |= {"workers": nodes, "training_workers": nodes}
    dask = alone | DASK_ENGINE | {"workers": workers}
    dask["dask_address"] = f"tcp://{name}-dask-scheduler:8786"
    return {
        "survey.yaml": pod_survey(survey, **alone),
        "survey-ray.yaml": pod_survey(survey, **ray),
        "survey-ray-tiles.yaml": pod_survey(survey, **ray | {"workers": workers}),
        "survey-dask.yaml": pod_survey(survey, **dask),
    }
