"""Tiles on a Dask cluster: one that runs already, or one started for the stage."""

from __future__ import annotations

import logging
import signal
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from typing import Any, TypeVar

import dask
from distributed import CancelledError, Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError
from distributed.utils import LoopRunner, silence_logging_cmgr
from tornado.ioloop import IOLoop

from minecover.engines.base import Outcome, Work, attempt
from minecover.engines.dask_workers import DaskWorkers
from minecover.engines.ports import check_port
from minecover.engines.settings import EngineSettings
from minecover.engines.timeouts import DASK_CONFIG, DASK_HERE
from minecover.errors import TryAgainError
from minecover.geography.grid import Tile

__all__ = ["dask_client", "run", "spread"]

Item = TypeVar("Item")

SETTINGS = {
    "distributed.dashboard.link": "",
    "distributed.admin.large-graph-warning-threshold": "100MB",
}

LOSSES = 20
"""Tasks that may be lost with what they work on, without one being done in between."""


@contextmanager
def dask_client(settings: EngineSettings) -> Iterator[Client]:
    """Connect to the survey's cluster, or start one on loopback and stop it afterwards.

    Raises
    ------
    TryAgainError
        No scheduler answers at the survey's address, or it is lost while the block runs.
    """
    timeouts = DASK_CONFIG if settings.dask_address else DASK_HERE
    with dask.config.set({**timeouts, **SETTINGS}):
        if settings.dask_address:
            with (
                silence_logging_cmgr(logging.CRITICAL),
                _connected(settings.dask_address) as client,
                _until_lost(client),
            ):
                yield client
            return
        check_port(settings.metrics_port)
        with (
            _apart_from_main(),
            _deaf_loop() as loop,
            LocalCluster(
                n_workers=settings.workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=f"127.0.0.1:{settings.metrics_port or 0}",
                scheduler_kwargs={"dashboard": settings.metrics_port is not None},
                silence_logs=logging.CRITICAL,
                loop=loop,
            ) as cluster,
            Client(cluster) as client,
            _until_lost(client),
        ):
            yield client


@contextmanager
def _apart_from_main() -> Iterator[None]:
    """Let processes start without the script that this process runs.

    Python imports the main script again in every process that it starts. One that begins a run, as
    the scripts of people do, would begin another in each worker; workers need nothing of it.
    """
    main = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {
        name: main.pop(name) for name in ("__file__", "__spec__") if name in main
    }
    main["__spec__"] = None  # is looked at wherever a process is started
    try:
        yield
    finally:
        main.update(hidden)


@contextmanager
def _deaf_loop() -> Iterator[IOLoop]:
    """Give a loop that starts processes which do not hear Ctrl-C.

    A terminal sends it to workers as well, which would end in tracebacks of their own while the
    driver stops them. Threads and processes inherit what the thread that starts them blocks.
    """
    runner = LoopRunner()
    resource_tracker.ensure_running()  # in the thread that starts it, it would unblock them again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        runner.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield runner.loop
    finally:
        runner.stop()


def _connected(address: str) -> Client:
    try:
        return Client(address)
    except (OSError, TimeoutError) as error:
        raise TryAgainError(
            f"engine.dask_address: no scheduler answers at {address}; start one (see `python -m "
            "minecover.engines dask`) or fix the address, and run the same command again"
        ) from error


@contextmanager
def _until_lost(client: Client) -> Iterator[None]:
    """Say so where the scheduler is lost: its client has one error for each thing it was at."""
    address = client.scheduler.address
    try:
        yield
    except (CancelledError, ClosedClientError, OSError) as error:
        # a task's own errors pass through here as well
        lost = isinstance(error, CancelledError | CommClosedError | TimeoutError)
        if client.status == "running" and not lost:
            raise
        again = "run the same command, it resumes where it stopped"
        raise TryAgainError(
            f"the Dask scheduler at {address} was lost; start it again and {again}"
            if client.cluster is None
            else f"the connection to Dask on this machine was lost ({type(error).__name__}: "
            f"{error}); it is very busy or short of memory: {again}"
        ) from error


def _in_flight(
    team: DaskWorkers,
    submit: Callable[[Item], Future],
    items: Iterable[Item],
    workers: int,
    *,
    died: str,
) -> Iterator[tuple[Item, Any]]:
    """Keep two tasks a worker in flight; give each item with its result, as they come.

    Parameters
    ----------
    team
        Who does them.
    submit
        Begins the task of an item.
    items
        Streamed: never held as a whole.
    workers
        On the cluster.
    died
        What is said of a task that kills its workers; `{task}` is its key.

    Raises
    ------
    TryAgainError
        A task killed its worker again and again, most often for want of memory; or there has been
        no worker for long.
    """
    queue, losses = iter(items), 0
    begun: dict[str, Item] = {}

    def begin(item: Item) -> Future:
        future = submit(item)
        begun[future.key] = item
        return future

    running = as_completed(begin(item) for item in islice(queue, 2 * workers))
    for future in team.finished(running):
        try:
            result = team.result(future)
        except KilledWorker as error:
            raise TryAgainError(died.format(task=error.task)) from error
        except CancelledError:  # with the worker that held what it was to work on
            losses += 1
            if losses > LOSSES or not team.are_led():
                raise
            running.add(begin(begun.pop(future.key)))
            continue
        losses = 0
        yield begun.pop(future.key), result
        for item in islice(queue, 1):
            running.add(begin(item))


def run(settings: EngineSettings, job: Work, tiles: Iterable[Tile]) -> Iterator[Outcome]:
    """Keep two tiles a worker in flight, whatever the size of the survey.

    Raises
    ------
    TryAgainError
        See `dask_client` and `_in_flight`.
    """
    # two drivers on one scheduler must not take each other's tasks for their own
    token = uuid.uuid4().hex
    with dask_client(settings) as client:
        team = DaskWorkers(client)
        workers = max(settings.workers, team.count())

        def submit(tile: Tile) -> Future:
            return client.submit(attempt, job, tile, key=f"{tile.name}-{token}", pure=False)

        died = (
            "{task}: its workers died; give them more memory or take smaller tiles, then run the "
            "same command again"
        )
        for _, outcome in _in_flight(team, submit, tiles, workers, died=died):
            yield outcome


def spread(
    settings: EngineSettings,
    shared: Any,  # noqa: ANN401
    job_of: Callable[[Any], Callable[[Any], Any]],
    pieces: Iterable[Any],
) -> Iterator[tuple[Any, Any]]:
    """Keep two pieces of work a worker in flight; see `engines.engine.Spread`.

    Raises
    ------
    TryAgainError
        See `dask_client` and `_in_flight`.
    """
    with dask_client(settings) as client:
        team = DaskWorkers(client)
        sent: list[Future] = []

        def submit(piece: Any) -> Future:  # noqa: ANN401
            if not sent or sent[-1].status != "finished":  # lost with the worker that held it
                team.awaited()
                sent[:] = [client.scatter(shared, hash=False)]
            return client.submit(job_of(piece), sent[-1], pure=False)

        died = "{task}: its workers died; give them more memory, then run the same command again"
        yield from _in_flight(team, submit, pieces, team.awaited(), died=died)
