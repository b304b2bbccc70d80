"""Quota of each pool that a survey has in Kueue."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from minecover.kubernetes.disk import SMALL

if TYPE_CHECKING:
    from minecover.kubernetes.jobs import ClusterJob
    from minecover.kubernetes.plan import ClusterPlan

__all__ = ["Quota", "quotas"]

SUBMITTER = 1024
"""MiB of the pod that submits the command of a RayJob to its cluster."""


@dataclass(frozen=True)
class Quota:
    """What a survey may use of a pool at once; memory and disk in MiB."""

    cpu: int
    memory: int
    disk: int
    gpu: int = 0


def quotas(plan: ClusterPlan) -> dict[str, dict[str, Quota]]:
    """Quota of each pool by overlay: steps run one after another, so the greatest is enough."""
    tiles = _pods(plan, plan.parallelism, plan.tile_memory)
    leaders = [
        Quota(plan.cpu + 1, memory + SUBMITTER, plan.scratch[step].node_disk + SMALL.node_disk)
        for step, memory in plan.stage_memory.items()
    ]
    trainers = [_workers(plan, job) for job in plan.spot_jobs]
    on_gpus = [_workers(plan, job, gpu=1) for job in plan.gpu_jobs]
    return {
        "spot-pool": {"spot": _greatest(tiles, *trainers), "on-demand": _greatest(*leaders)},
        "gpu-pool": {"on-demand": _greatest(tiles, *leaders), "gpu": _greatest(*on_gpus)},
    }


def _workers(plan: ClusterPlan, job: ClusterJob, gpu: int = 0) -> Quota:
    return _pods(plan, plan.ray_workers(job), plan.stage_memory[job.step], gpu)


def _pods(plan: ClusterPlan, count: int, memory: int, gpu: int = 0) -> Quota:
    return Quota(count * plan.cpu, count * memory, count * SMALL.node_disk, count * gpu)


def _greatest(*several: Quota) -> Quota:
    return Quota(*(max(values) for values in zip(*map(astuple, several), strict=True)))
