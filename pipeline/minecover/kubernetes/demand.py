"""What a survey needs of each pool before Kueue admits its pods."""

from __future__ import annotations

from dataclasses import replace

from minecover.errors import SurveyError
from minecover.kubernetes.disk import SMALL
from minecover.kubernetes.jobs import ClusterJob
from minecover.kubernetes.plan import ClusterPlan
from minecover.kubernetes.quota import Quota, greatest

__all__ = ["check_demand", "demands"]

SUBMITTER = Quota(cpu=1, memory=1024, disk=SMALL.node_disk)
"""The pod that submits the command of a RayJob to its cluster."""


def demands(plan: ClusterPlan) -> dict[str, dict[str, Quota]]:
    """Least that a survey needs of each pool, by overlay.

    Steps run one after another, so the greatest counts; Kueue may start one pod on tiles alone,
    and all pods of a Ray cluster or none.
    """
    tiles = Quota(plan.cpu, plan.tile_memory, SMALL.node_disk)
    on_gpus = {job.step for job in plan.gpu_stages}
    single = {step: _single(plan, step) for step in plan.stage_memory}
    leaders = [need for step, need in single.items() if step not in on_gpus]
    spot = [_workers(plan, job) for job in plan.spot_jobs]
    gpu = [_workers(plan, job, gpu=1) for job in plan.gpu_jobs]
    gpu += [replace(single[step], gpu=1) for step in on_gpus]
    spot_heads, gpu_heads = (
        [_head(plan, job) for job in some] for some in (plan.spot_jobs, plan.gpu_jobs)
    )
    return {
        "spot-pool": {
            "spot": greatest(tiles, *spot),
            "on-demand": greatest(*single.values(), *spot_heads),
        },
        "gpu-pool": {"on-demand": greatest(tiles, *leaders, *gpu_heads), "gpu": greatest(*gpu)},
    }


def check_demand(plan: ClusterPlan) -> None:
    """Refuse a survey whose pods no quota of the cluster file admits.

    Raises
    ------
    SurveyError
        A pool is too small; it is named, with the numbers.
    """
    for overlay, pools in demands(plan).items():
        for name, need in pools.items() if overlay in plan.overlays else ():
            quota = plan.cluster.pools[name].quota
            if quota is not None and (lacking := quota.amount.lacks(need)):
                raise SurveyError(
                    f"--overlay {overlay}: pool {name} of the cluster file never admits this "
                    f"survey, which needs {lacking}; raise the pool's quota, or give less by "
                    "--memory, --stage-memory or engine.training_workers"
                )


def _single(plan: ClusterPlan, step: str) -> Quota:
    return Quota(plan.cpu, plan.stage_memory[step], plan.scratch[step].node_disk)


def _head(plan: ClusterPlan, job: ClusterJob) -> Quota:
    """Add up a head and the submitter beside it."""
    return Quota(
        plan.cpu + SUBMITTER.cpu,
        plan.stage_memory[job.step] + SUBMITTER.memory,
        SMALL.node_disk + SUBMITTER.disk,
    )


def _workers(plan: ClusterPlan, job: ClusterJob, gpu: int = 0) -> Quota:
    one = Quota(plan.cpu, plan.stage_memory[job.step], SMALL.node_disk, gpu)
    return one.times(plan.ray_workers(job))
