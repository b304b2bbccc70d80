"""The engine does not change the result, nor what becomes of an error."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

import pytest
import ray
from distributed import Client, LocalCluster, default_client

from conftest import Recorder, tree  # type: ignore[import-not-found]
from minecover.engines import absence, dask_workers
from minecover.engines.base import Outcome
from minecover.engines.registry import ENGINES
from minecover.engines.session import ray_session
from minecover.engines.settings import EngineSettings
from minecover.errors import DataError, StoreError, TryAgainError
from minecover.geography.grid import Tile
from minecover.survey import Survey

pytestmark = [
    pytest.mark.alone,
    pytest.mark.integration,
    # of Ray's own settings, when Ray starts
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*will be deprecated:DeprecationWarning"),
]

Make = Callable[..., Survey]
Do = Callable[..., Recorder]

TILES = tuple(Tile(row, column) for row in range(3) for column in range(2))

HALVES: dict[str, Any] = {
    "early": {"cool": ["2021-03-01/2021-05-31"], "warm": ["2021-06-01/2021-08-31"]},
    "late": {"cool": ["2021-09-01/2021-11-30"], "warm": ["2021-12-01/2022-02-28"]},
}
"""Two periods, of two seasons each, of which there are images."""


@pytest.fixture
def in_halves(make_survey: Make) -> Make:
    """A survey of two periods that learns from the first."""

    def make(store: Path, **engine: str) -> Survey:
        periods = {name: {"seasons": seasons} for name, seasons in HALVES.items()}
        alone = {"tiles": "local", "prediction": "local", "training": "local"}
        return make_survey(store).replace(
            seasons=HALVES["late"],
            periods=periods,
            samples__in_period="early",
            assessment__areas=False,
            assessment__sets=None,
            **{f"engine__{key}": value for key, value in (alone | engine).items()},
        )

    return make


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("local") / "store"


def two_workers() -> LocalCluster:
    """A Dask cluster of somebody else's, with a process for each worker."""
    return LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )


@pytest.fixture(scope="module")
def dask_address() -> Iterator[str]:
    """A Dask cluster that runs already, as a survey's `engine.dask_address` names one."""
    with two_workers() as cluster:
        yield str(cluster.scheduler_address)


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, EngineSettings]]:
    """One engine after the other; each cluster is started once."""
    kind = request.param
    if kind == "dask":
        yield kind, EngineSettings(dask_address=request.getfixturevalue("dask_address"))
    elif kind == "ray":
        settings = EngineSettings(workers=2)
        # Ray's workers cannot import this module: they are sent its classes
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
        with ray_session(settings):
            yield kind, settings
    else:
        yield kind, EngineSettings()


each_engine = pytest.mark.parametrize("engine", ["local", "dask", "ray"], indirect=True)


def test_dask_writes_what_this_process_writes(
    local: Path, tmp_path: Path, dask_address: str, in_halves: Make, do: Do
) -> None:
    do(in_halves(local), "combine")
    store = tmp_path / "store"
    told = do(in_halves(store, tiles="dask", dask_address=dask_address), "features")
    assert told.tiles == 2 * 8
    for name in ("cube.zarr", "features.zarr"):
        assert tree(store / name) == tree(local / name), name


@each_engine
def test_bad_data_sets_its_tile_aside(engine: tuple[str, EngineSettings]) -> None:
    kind, settings = engine
    outcomes = list(ENGINES[kind].run(settings, Job(bad=(TILES[1], TILES[4])), TILES))
    assert {outcome.tile for outcome in outcomes} == set(TILES)
    assert len(outcomes) == len(TILES)
    for outcome in outcomes:
        if outcome.tile in (TILES[1], TILES[4]):
            assert outcome == Outcome(outcome.tile, {}, f"{outcome.tile.name}: B04 is truncated")
        else:
            assert outcome.error is None
            assert outcome.facts["row"] == outcome.tile.row


@each_engine
@pytest.mark.parametrize(
    "error", [ZeroDivisionError("a defect"), StoreError("the disk of the store is full")], ids=type
)
def test_every_other_error_passes_through(
    engine: tuple[str, EngineSettings], error: Exception
) -> None:
    kind, settings = engine
    with pytest.raises(type(error)) as caught:
        list(ENGINES[kind].run(settings, Job(fault=error), TILES))
    assert str(caught.value) == str(error)


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_a_worker_that_ray_kills_for_its_memory_is_lost_and_its_tiles_are_not(
    engine: tuple[str, EngineSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    get, told = ray.get, count()
    monkeypatch.setattr(ray, "get", lambda ref: get(ref) if next(told) else killed())
    kind, settings = engine
    outcomes = list(ENGINES[kind].run(settings, Job(), TILES))
    assert {outcome.tile for outcome in outcomes} == set(TILES)
    monkeypatch.setattr(ray, "get", lambda ref: killed())
    monkeypatch.setattr("minecover.engines.ray_actors.LOSSES", 2)
    with pytest.raises(TryAgainError, match="3 workers were lost one after the other"):
        list(ENGINES[kind].run(settings, Job(), TILES))


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_ray_maps_periods_as_this_process_does(
    engine: tuple[str, EngineSettings], local: Path, tmp_path: Path, in_halves: Make, do: Do
) -> None:
    do(in_halves(local), "combine")
    kind, store = engine[0], tmp_path / "store"
    shutil.copytree(local, store)
    rasters = ("readings.zarr", "map.zarr")
    for name in (*rasters, "ledger/predict", "ledger/combine"):
        shutil.rmtree(store / name)
    told = do(in_halves(store, prediction=kind, tiles=kind), "combine")
    assert told.done == ["predict", "combine"]
    assert told.tiles == 2 * 4 + 4
    for name in rasters:
        assert tree(store / name) == tree(local / name), name


@pytest.mark.parametrize("known", [True, False], ids=["its client knows", "in the middle"])
def test_a_lost_dask_scheduler_asks_for_another_run(known: bool) -> None:
    with dask_scheduler() as (scheduler, _, address):
        told = ENGINES["dask"].run(EngineSettings(dask_address=address, workers=4), Job(), TILES)
        next(told)
        client = default_client()
        while not all(state.status == "finished" for state in client.futures.values()):
            time.sleep(0.01)
        scheduler.send_signal(signal.SIGKILL if known else signal.SIGSTOP)
        if known:
            scheduler.wait()
            time.sleep(0.5)
        else:
            Thread(target=break_what_is_asked, args=(client, address)).start()
        with pytest.raises(TryAgainError, match=f"the Dask scheduler at {address} was lost"):
            list(told)


@pytest.mark.filterwarnings("ignore:the Dask cluster at:UserWarning")
def test_a_dask_cluster_without_workers_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dask_workers, "EVERY", 0.1)
    with dask_scheduler() as (_, worker, address):
        settings = EngineSettings(dask_address=address)
        told = ENGINES["dask"].run(settings, Job(), TILES)
        assert next(told).error is None
        monkeypatch.setattr(absence, "PATIENCE", 1.0)
        worker.kill()  # with results of others that nobody has fetched yet
        worker.wait()
        none = rf"the Dask cluster at {address} has had no worker for \d+ s: start some"
        spread = ENGINES["dask"].spread
        assert spread is not None
        for work in (told, spread(settings, 1, adding, [1])):
            with pytest.raises(TryAgainError, match=none):
                list(work)


def test_what_all_tasks_share_is_sent_again_when_its_worker_is_lost() -> None:
    with two_workers() as cluster:
        spread = ENGINES["dask"].spread
        assert spread is not None
        settings = EngineSettings(dask_address=cluster.scheduler_address)
        told = spread(settings, 100, adding, range(6))
        found = [next(told)]
        (holders,) = (
            {worker.address for worker in state.who_has}
            for state in cluster.scheduler.tasks.values()
            if state.who_has and state.run_spec is None
        )
        # one, or both where the other has fetched it by now
        for worker in list(cluster.workers.values()):
            if worker.worker_address in holders:
                os.kill(worker.pid, signal.SIGKILL)
        found += list(told)
    assert sorted(found) == [(n, 100 + n) for n in range(6)]


def adding(number: int) -> Callable[[int], int]:
    """Give work that takes a moment."""

    def add(shared: int) -> int:
        time.sleep(0.3)
        return shared + number

    return add


def break_what_is_asked(client: Client, address: str) -> None:
    """Break a connection on which an answer is awaited, and leave that on which news come."""
    while not (at_work := client.rpc.occupied.get(address)):
        time.sleep(0.01)
    for connection in list(at_work):
        client.loop.add_callback(connection.abort)


@contextmanager
def dask_scheduler() -> Iterator[tuple[subprocess.Popen[str], subprocess.Popen[str], str]]:
    """A scheduler and a worker, in processes of their own, and the address of the first."""
    own = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # both import this module
    begin = partial(subprocess.Popen[str], stderr=subprocess.PIPE, text=True, env=own)
    dask = [sys.executable, "-m", "dask"]
    with begin(
        [*dask, "scheduler", "--no-dashboard", "--host", "127.0.0.1", "--port", "0"]
    ) as head:
        assert head.stderr is not None
        address = next(line for line in head.stderr if "Scheduler at:" in line).split()[-1]
        worker = begin([*dask, "worker", address, "--no-dashboard", "--no-nanny", "--nthreads=1"])
        try:
            yield head, worker, address
        finally:
            head.kill()
            worker.kill()
            worker.communicate()


def killed() -> NoReturn:
    raise ray.exceptions.OutOfMemoryError("more than 95 % of the memory is in use")


@dataclass(frozen=True)
class Job:
    """Tells a tile's row, but for tiles with bad data and for a fault of its own."""

    bad: tuple[Tile, ...] = ()
    fault: Exception | None = None

    def __call__(self, tile: Tile) -> dict[str, float | int | str]:
        if self.fault is not None:
            raise self.fault
        if tile in self.bad:
            raise DataError(f"{tile.name}: B04 is truncated")
        return {"row": tile.row}
