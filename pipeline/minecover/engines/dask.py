"""Tiles on a Dask cluster: one that runs already, or one started for the stage."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

import dask
from distributed import Client, KilledWorker, LocalCluster, as_completed

from minecover.engines.base import Outcome, Work, attempt
from minecover.errors import TryAgainError
from minecover.grid import Tile
from minecover.survey import Engine

__all__ = ["dask_client", "run"]

# A cut link should cost seconds, not minutes, and a spot node may die more than three times.
SETTINGS = {
    "distributed.scheduler.worker-ttl": "20s",
    "distributed.comm.timeouts.tcp": "15s",
    "distributed.scheduler.allowed-failures": 20,
    "distributed.dashboard.link": "",
    "distributed.admin.large-graph-warning-threshold": "100MB",
}


@contextmanager
def dask_client(settings: Engine) -> Iterator[Client]:
    """Connect to the survey's cluster, or start one on loopback and stop it afterwards."""
    with dask.config.set(SETTINGS):
        if settings.dask_address:
            with Client(settings.dask_address) as client:
                yield client
            return
        with (
            LocalCluster(
                n_workers=settings.workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client


def run(settings: Engine, job: Work, tiles: Iterable[Tile]) -> Iterator[Outcome]:
    """Keep two tiles a worker in flight, whatever the size of the survey.

    Raises
    ------
    TryAgainError
        A tile killed its worker again and again, most often for want of memory.
    """
    # two drivers on one scheduler must not take each other's tasks for their own
    queue, token = iter(tiles), uuid.uuid4().hex
    with dask_client(settings) as client:
        workers = max(settings.workers, len(client.scheduler_info()["workers"]))

        def submit(tile: Tile) -> object:
            return client.submit(attempt, job, tile, key=f"{tile.name}-{token}", pure=False)

        running = as_completed(submit(tile) for tile in islice(queue, 2 * workers))
        for future in running:
            try:
                yield future.result()
            except KilledWorker as error:
                raise TryAgainError(
                    f"{error.task}: its workers died; give them more memory or take smaller "
                    "tiles, then run the same command again"
                ) from error
            for tile in islice(queue, 1):
                running.add(submit(tile))
