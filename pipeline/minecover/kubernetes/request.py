"""What is asked of `minecover manifests`, and which surveys it fits."""

from __future__ import annotations

from dataclasses import dataclass, field

from minecover.errors import SurveyError
from minecover.kubernetes.cluster import Cluster
from minecover.kubernetes.sizes import Sizes
from minecover.models.lookup import kind_of
from minecover.survey import Survey

__all__ = ["OVERLAYS", "Request", "check_request"]

OVERLAYS = ("one-machine", "spot-pool", "gpu-pool", "dask-cluster")


@dataclass(frozen=True)
class Request(Sizes):
    """Options of `minecover manifests` beyond the survey; None: worked out.

    Attributes
    ----------
    image, gpu_image
        Container images; `gpu_image` None: the same as `image`.
    overlays
        Names out of `OVERLAYS`.
    inputs_claim
        A PersistentVolumeClaim that holds the survey's files.
    cluster
        What the cluster file says.
    """

    image: str
    gpu_image: str | None = None
    overlays: tuple[str, ...] = OVERLAYS
    inputs_claim: str | None = None
    cluster: Cluster = field(default_factory=Cluster)


def check_request(survey: Survey, request: Request) -> None:
    """Refuse what no cluster could run.

    Raises
    ------
    SurveyError
        The store is a folder of this machine, an overlay is unknown or does not fit the survey's
        model, or a training needs a volume that the cluster file does not give.
    """
    _check_store(survey)
    _check_overlays(survey, request.overlays)
    _check_training(survey, request)


def _check_store(survey: Survey) -> None:
    places = {"store": survey.store, "model.carried_from": survey.model.carried_from}
    if survey.change.network is not None:
        places["change.network.carried_from"] = survey.change.network.carried_from
    for key, place in places.items():
        if place is not None and not place.startswith("s3://"):
            raise SurveyError(
                f"{key}: {place} is a folder of this machine, where pods do not see it; give an "
                "object store, as in --store s3://bucket/prefix"
            )


def _check_overlays(survey: Survey, overlays: tuple[str, ...]) -> None:
    unknown = [name for name in overlays if name not in OVERLAYS]
    if unknown or not overlays:
        raise SurveyError(f"--overlay {', '.join(unknown)}: there are {', '.join(OVERLAYS)}")
    if "gpu-pool" in overlays and not kind_of(survey.model).uses_gpu:
        others = " ".join(f"--overlay {name}" for name in OVERLAYS if name != "gpu-pool")
        raise SurveyError(
            f"--overlay gpu-pool: model.kind {survey.model.kind} uses no GPU; give {others}"
        )


def _check_training(survey: Survey, request: Request) -> None:
    kind, workers = kind_of(survey.model), survey.engine.training_workers
    alone = request.cluster.training_storage_class is None
    on_ray = {"spot-pool", "gpu-pool"} & {*request.overlays}
    if alone and on_ray and kind.trains_on_ray and workers > 1:
        raise SurveyError(
            f"engine.training_workers: {workers} train together on several nodes, which must "
            "share a folder; give training_storage_class in the cluster file (a storage class "
            "with ReadWriteMany), or engine.training_workers: 1"
        )
