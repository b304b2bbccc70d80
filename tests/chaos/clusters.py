"""Workers of Dask and Ray killed while they hold a tile, and the head of Ray."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from chaos.bench import COLUMNS, ROWS, Bench
from services.runs import environment, kill_worker_of, stub_command, until_tiles_are_done

SECONDS = 0.4
"""Of a tile: long enough to be hit."""


@contextmanager
def _driver(bench: Bench, engine: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a driver with a cluster of its own; neither outlives the block."""
    command = stub_command(
        bench.fresh(), "--rows", ROWS, "--columns", COLUMNS, "--engine", engine, "--seconds",
        SECONDS,
    )  # fmt: skip
    with _log(bench).open("w") as told:  # no pipe: services would hold it open
        driver = subprocess.Popen(command, stdout=told, stderr=told, env=environment())
    try:
        yield driver
    finally:
        driver.terminate()
        driver.wait(60)


def _log(bench: Bench) -> Path:
    return bench.folder / "driver.log"


def _kill_workers(bench: Bench, driver: subprocess.Popen[bytes], times: int) -> float:
    """Kill a worker that is at a tile, after every second tile; when the last died."""
    store, since = bench.folder / "store", 0.0
    for least in range(1, 2 * times, 2):
        until_tiles_are_done(store, least)
        kill_worker_of(store, driver.pid)
        since = time.monotonic()
    return since


def dask_workers_killed(bench: Bench, kind: str) -> None:
    """Three workers, one after the other, of a cluster that the driver started."""
    with _driver(bench, "dask") as driver:
        since = _kill_workers(bench, driver, 3)
        driver.wait()
    told = _log(bench).read_text()
    wrong = bench.wrong(bench.folder / "store")
    same = driver.returncode == 0 and not wrong
    bench.note(kind, since, same, 3, f"{driver.returncode}, {wrong}: {told[-500:]}")


def ray_workers_and_head_killed(bench: Bench, kind: str) -> None:
    """Three workers of a session that the driver started, and then its head.

    Without a head the driver says so and ends with the code that asks to run it again, or its
    last tiles are done before it misses it.
    """
    store = bench.folder / "store"
    with _driver(bench, "ray") as driver:
        since = _kill_workers(bench, driver, 3)
        until_tiles_are_done(store, 6)
        bench.note("Ray worker killed", since, same=True, faults=3)
        begun = time.monotonic()
        kill_head(driver.pid)
        code = driver.wait()
    told = _log(bench).read_text()
    if code == 75 and "the head of the Ray cluster" in told:
        bench.resumed(kind, store, "resumed without Ray")
        bench.tallies[kind].stall = max(bench.tallies[kind].stall, time.monotonic() - begun)
    else:
        wrong = bench.wrong(store)
        bench.note(kind, begun, code == 0 and not wrong, told=f"{code}, {wrong}: {told[-500:]}")


def kill_head(driver: int) -> None:
    """Kill what keeps the books of a Ray session that a process started."""
    for process in psutil.Process(driver).children(recursive=True):
        if process.name() == "gcs_server":
            process.kill()
            return
    raise AssertionError("the driver has no Ray session")
