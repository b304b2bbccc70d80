"""Tiles on Ray: one actor a worker, each keeping its model loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import ray

from minecover.engines.base import Outcome, Work, attempt
from minecover.errors import TryAgainError
from minecover.grid import Tile
from minecover.survey import Engine

__all__ = ["ray_session", "run"]

SETTINGS = {
    "RAY_raylet_start_wait_time_s": "150",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    # Ray makes its workers yield to everything else; a batch machine has nothing else
    "RAY_worker_niceness": "0",
}


@contextmanager
def ray_session(settings: Engine) -> Iterator[None]:
    """Connect to the survey's Ray cluster, or start one on loopback and stop it afterwards.

    Inside another session of the same process nothing is started or stopped.
    """
    if ray.is_initialized():
        yield
        return
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if settings.ray_address:
        ray.init(address=settings.ray_address, **common)
    else:
        ray.init(
            num_cpus=settings.workers * settings.threads,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            object_store_memory=256 * 2**20,
            **common,
        )
    try:
        yield
    finally:
        ray.shutdown()


class _Worker:
    """Holds one job; the job caches what it loads in this process."""

    def __init__(self, job: Work) -> None:
        self.job = job

    def work(self, tile: Tile) -> Outcome:
        return attempt(self.job, tile)


def run(settings: Engine, job: Work, tiles: Iterable[Tile]) -> Iterator[Outcome]:
    """Two tiles in flight for each actor; a lost actor comes back and its tiles are done again.

    Raises
    ------
    TryAgainError
        The cluster lost a worker and could not replace it.
    """
    queue = iter(tiles)
    with ray_session(settings):
        # where the cluster has GPUs the workers share them out; a Ray without any gives them none
        gpus = min(1.0, ray.cluster_resources().get("GPU", 0.0) / settings.workers)
        actor = ray.remote(
            num_cpus=settings.threads, num_gpus=gpus, max_restarts=-1, max_task_retries=-1
        )(_Worker)
        workers = [actor.remote(job) for _ in range(settings.workers)]
        owner: dict[Any, Any] = {}
        for worker in workers:
            for tile in islice(queue, 2):
                owner[worker.work.remote(tile)] = worker
        while owner:
            done, _ = ray.wait(list(owner), num_returns=1)
            worker = owner.pop(done[0])
            try:
                yield ray.get(done[0])
            except ray.exceptions.RayActorError as error:
                raise TryAgainError(
                    f"a prediction worker was lost for good: {error}; run the same command again"
                ) from error
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            for tile in islice(queue, 1):
                owner[worker.work.remote(tile)] = worker
