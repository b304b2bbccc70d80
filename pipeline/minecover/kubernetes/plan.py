"""From a survey to the figures that its manifests are filled in with."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field

from minecover.errors import SurveyError
from minecover.geography.grid import Grid
from minecover.kubernetes.disk import SMALL, Scratch, publish_scratch
from minecover.kubernetes.inputs import local_files, pod_survey, read_files
from minecover.kubernetes.memory import STAGE, learning_memory, tile_memory
from minecover.kubernetes.names import check_image, check_label, object_name, queue_name
from minecover.models.registry import MODELS
from minecover.planning.work import workload
from minecover.stages.registry import tile_stages
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

__all__ = ["OVERLAYS", "ClusterPlan", "Request", "StageJob", "plan_cluster"]

OVERLAYS = ("one-machine", "spot-pool", "gpu-pool", "dask-cluster")

TILES_PER_INDEX = 8
"""A pod takes seconds to start and to compile its kernels: it should do several tiles for that."""

MOST_INDEXES = 10_000
"""Of a survey's own choice. A Job may have more; its status and its pods then weigh on the API."""

HARD_INDEXES = 100_000
"""Above this many completions Kubernetes limits parallelism and failed indexes further."""

GRACE = 120
"""Seconds between SIGTERM and SIGKILL. Clouds give a spot node 30 to 120 s."""


@dataclass(frozen=True)
class Request:
    """What the person at the keyboard asks for beyond the survey; None: worked out.

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
        Where everything goes.
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
class StageJob:
    """A stage as a Job: its step, the command that does it, and whether each index does tiles."""

    step: str
    command: str
    tiles: bool = False


JOBS = (
    StageJob("catalog", "catalog"),
    StageJob("cube", "tile", tiles=True),
    # no index knows whether the others are done: one process looks, and writes the stage's marker;
    # after the features `select` does, after the prediction `assess`
    StageJob("cube-end", "cube"),
    StageJob("features", "tile", tiles=True),
    StageJob("select", "select"),
    StageJob("train", "train"),
    StageJob("predict", "tile", tiles=True),
    StageJob("assess", "assess"),
    StageJob("publish", "run"),
)


STEPS = tuple(job.step for job in JOBS)


@dataclass(frozen=True)
class ClusterPlan:
    """Everything the templates ask for. Memory is in MiB; what differs by step is so given."""

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
    ray_workers: dict[str, int]
    trains_on_ray: bool
    surveys: dict[str, str] = field(repr=False)
    input_files: dict[str, str] = field(repr=False)
    inputs_claim: str | None
    monitoring: str
    has_inputs: bool
    jobs: tuple[StageJob, ...]
    ray_version: str = field(default_factory=lambda: importlib.metadata.version("ray"))
    grace: int = GRACE
    small: Scratch = SMALL
    singletons: tuple[str, ...] = ("stage",)

    @property
    def secret(self) -> str:
        """Name of the Secret with the store's keys; made by a person, never written by us."""
        return f"{self.name}-store"

    @property
    def steps(self) -> tuple[str, ...]:
        """Order of the steps after `setup`; an overlay may have a job where the base has none."""
        return STEPS

    @property
    def queue(self) -> str:
        """Name of the survey's ClusterQueue, which is the cluster's and not a namespace's."""
        return queue_name(self.namespace, self.name)

    @property
    def max_failed_indexes(self) -> int:
        """Indexes given up for their data before the whole Job is: one in twenty."""
        return max(1, self.completions // 20)


def plan_cluster(survey: Survey, request: Request) -> ClusterPlan:
    """Work out everything that the manifests of a survey need.

    Raises
    ------
    DataError, SurveyError
        The store is not on S3, pods would not see a file, the samples are there and cannot be used,
        or the request cannot be.
    """
    _check_store(survey)
    _check_overlays(survey, request.overlays)
    grid = survey_grid(survey)
    completions = _completions(grid, request)
    name, files = object_name(survey.name), local_files(survey)
    image = check_image(request.image, "--image")
    parallelism = min(request.parallelism, completions)
    claim, trainers = request.inputs_claim, survey.engine.training_workers
    input_files = {} if claim else read_files(files)
    return ClusterPlan(
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
        stage_memory=_stage_memory(survey, grid, request),
        scratch=_scratch(survey, grid),
        ray_workers={"train": trainers, "predict": parallelism, "assess": trainers},
        trains_on_ray=MODELS[survey.model.kind].trains_on_ray,
        surveys=_surveys(survey, name, parallelism),
        input_files=input_files,
        inputs_claim=check_label(claim, "--inputs-claim") if claim and files else None,
        monitoring=check_label(request.monitoring, "--monitoring"),
        has_inputs=bool(files),
        jobs=tuple(job for job in JOBS if not job.tiles or job.step in tile_stages(survey)),
    )


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


def _stage_memory(survey: Survey, grid: Grid, request: Request) -> dict[str, int]:
    """MiB by step; a stage works off tiles that are left too."""
    if request.stage_memory is not None:
        return dict.fromkeys(STEPS, request.stage_memory)
    least = max(STAGE, request.memory or tile_memory(survey))
    learning = learning_memory(survey, workload(survey, grid))
    return {step: max(least, learning.get(step, 0)) for step in STEPS}


def _scratch(survey: Survey, grid: Grid) -> dict[str, Scratch]:
    pixels = grid.shape[0] * grid.shape[1]
    return dict.fromkeys(STEPS, SMALL) | {"publish": publish_scratch(survey, pixels)}


def _surveys(survey: Survey, name: str, workers: int) -> dict[str, str]:
    """Survey files by what runs them: a pod alone, a Ray cluster, a Dask cluster.

    `workers`: of the clusters that work on tiles.
    """
    alone: dict[str, str | int | None] = dict.fromkeys(("dask_address", "ray_address"))
    alone |= {"tiles": "local", "prediction": "local", "training": "local"}
    alone |= {"workers": 1, "training_workers": 1}
    nodes = survey.engine.training_workers
    ray = alone | {"prediction": "ray", "training": "ray", "ray_address": "auto"}
    ray |= {"workers": nodes, "training_workers": nodes}
    dask = alone | {"tiles": "dask", "workers": workers}
    dask["dask_address"] = f"tcp://{name}-dask-scheduler:8786"
    return {
        "survey.yaml": pod_survey(survey, **alone),
        "survey-ray.yaml": pod_survey(survey, **ray),
        "survey-ray-predict.yaml": pod_survey(survey, **ray | {"workers": workers}),
        "survey-dask.yaml": pod_survey(survey, **dask),
    }
