"""What Kueue lets a survey hold of each pool at once."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from minecover.kubernetes.disk import SMALL

if TYPE_CHECKING:
    from minecover.kubernetes.plan import ClusterPlan

__all__ = ["Quota", "quotas"]

SUBMITTER = 1024
"""MiB of the pod that hands a RayJob's command to its cluster."""


@dataclass(frozen=True)
class Quota:
    """What a pool may hold at once; memory and disk in MiB."""

    cpu: int
    memory: int
    disk: int
    gpu: int = 0


def quotas(plan: ClusterPlan) -> dict[str, dict[str, Quota]]:
    """Quota of each pool by overlay: steps come one after another, so the greatest is enough."""
    tiles = _pods(plan, plan.parallelism, plan.tile_memory)
    leaders = [
        Quota(plan.cpu + 1, memory + SUBMITTER, plan.scratch[step].node_disk + SMALL.node_disk)
        for step, memory in plan.stage_memory.items()
    ]
    trainers = [_workers(plan, step) for step in ("train", "assess")]
    on_gpus = [_workers(plan, step, gpu=1) for step in plan.ray_workers]
    return {
        "spot-pool": {"spot": _greatest(tiles, *trainers), "on-demand": _greatest(*leaders)},
        "gpu-pool": {"on-demand": _greatest(tiles, *leaders), "gpu": _greatest(*on_gpus)},
    }


def _workers(plan: ClusterPlan, step: str, gpu: int = 0) -> Quota:
    return _pods(plan, plan.ray_workers[step], plan.stage_memory[step], gpu)


def _pods(plan: ClusterPlan, count: int, memory: int, gpu: int = 0) -> Quota:
    return Quota(count * plan.cpu, count * memory, count * SMALL.node_disk, count * gpu)


def _greatest(*several: Quota) -> Quota:
    return Quota(*(max(values) for values in zip(*map(astuple, several), strict=True)))
