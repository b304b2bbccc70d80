"""Runs in processes of their own, for tests and campaigns that kill them, and what they leave."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from minecover.storage.cleanup import is_leftover

__all__ = [
    "RASTERS",
    "differing",
    "ended",
    "environment",
    "forked",
    "kill_worker_of",
    "memory",
    "rasters",
    "started",
    "stub_command",
    "tiles_done",
    "until_a_tile_is_begun",
    "until_there",
    "until_tiles_are_done",
    "worker_of",
]

RASTERS = ("cube.zarr", "features.zarr")
"""What the stubbed stages write."""

SECONDS = 60.0
"""That a run may take to get anywhere."""

ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
"""States of a process that does nothing any more."""


MEMORY = Path("/dev/shm")
"""A file system in memory, where Linux has one."""

ENOUGH = 2**30
"""Bytes that it must have free."""


def memory() -> Path | None:
    """Where many small stores are written without waiting for a disk; None: the usual folder.

    A process that is killed leaves the same there as on a disk.
    """
    fit = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH
    return MEMORY if fit else None


def rasters(store: Path, names: Sequence[str] = RASTERS) -> dict[str, bytes]:
    """Every object of the rasters in a folder; what a killed put had begun is none."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for name in names
        for path in sorted((store / name).rglob("*"))
        if path.is_file() and not is_leftover(path.name)
    }


def differing(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Names of objects that are lacking, too many or other."""
    names = sorted(found.keys() | expected.keys())
    return [name for name in names if found.get(name) != expected.get(name)]


def started(work: Callable[[], int]) -> int:
    """Run in a child, forked from a process that has no threads yet; its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = work()
        finally:
            os._exit(code)
    return child


def ended(child: int) -> int:
    """Exit code of a child, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def forked(work: Callable[[], int]) -> int:
    """Exit code of `work` in a child, negative where a signal ended it."""
    return ended(started(work))


def environment(**more: str) -> dict[str, str]:
    """Variables of a process that imports what tests import."""
    tests = Path(__file__).parents[1]
    places = (tests, tests.parent / "pipeline", tests.parent / "cluster")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), **more}


def stub_command(store: Path | str, *options: object) -> list[str]:
    """Command line of a driver on stubbed kernels; see `stub_driver`."""
    driver = str(Path(__file__).with_name("stub_driver.py"))
    return [sys.executable, driver, "--store", str(store), *map(str, options)]


def tiles_done(store: Path, stage: str = "*") -> int:
    """Tiles of a stage, or of all, that are marked."""
    return sum(not is_leftover(path.name) for path in store.glob(f"ledger/{stage}/*/done/*"))


def until_tiles_are_done(store: Path, least: int, stage: str = "cube") -> None:
    """Wait for a run to get so far."""
    deadline = time.monotonic() + SECONDS
    while tiles_done(store, stage) < least:
        assert time.monotonic() < deadline, f"not {least} tiles were done in {SECONDS:.0f} s"
        time.sleep(0.02)


def until_a_tile_is_begun(store: Path, stage: str = "cube") -> None:
    """Wait for a lease to a tile that is not marked: between two tiles nobody holds one."""
    deadline = time.monotonic() + SECONDS
    while True:
        leased = {path.name.split(".")[0] for path in store.glob(f"ledger/{stage}/*/leases/*.json")}
        done = {path.name.split(".")[0] for path in store.glob(f"ledger/{stage}/*/done/*.json")}
        if leased - done:
            return
        assert time.monotonic() < deadline, f"no tile was begun in {SECONDS:.0f} s"
        time.sleep(0.01)


def until_there(store: Path) -> None:
    """Wait for a run to make its store."""
    deadline = time.monotonic() + SECONDS
    while not store.exists():
        assert time.monotonic() < deadline, f"no store was made in {SECONDS:.0f} s"
        time.sleep(0.02)


def worker_of(store: Path, driver: int) -> int:
    """Process of this host that lives, holds a lease to a tile and is not the driver."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for lease in store.glob("ledger/*/*/leases/*.json"):
            # a killed one may still be in the list of processes, and its lease in the ledger
            with suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
                process = psutil.Process(int(json.loads(lease.read_text())["pid"]))
                if process.pid != driver and process.status() not in ENDED:
                    return process.pid
        time.sleep(0.01)
    raise AssertionError(f"nobody leased a tile in {SECONDS:.0f} s")


def kill_worker_of(store: Path, driver: int) -> int:
    """Kill such a process; its number."""
    while True:
        worker = worker_of(store, driver)
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(worker, signal.SIGKILL)
            return worker
