"""Hosts killed and links cut, on the hosts of `cluster/hosts` (root)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from chaos.bench import COLUMNS, ROWS, Bench
from services import copy_store
from services.network import DASK_PORT, RAY_PORT, Network, Running
from services.runs import stub_command, until_tiles_are_done

LEASE = 3
SHAPE = ("--rows", ROWS, "--columns", COLUMNS, "--lease", LEASE)


def _judge(bench: Bench, kind: str, since: float, driver: Running, store: Path) -> None:
    """Wait for a driver to end and compare."""
    code = driver.ended()
    wrong = bench.wrong(store)
    told = f"{code}, {wrong}: {driver.told()[-500:]}"
    bench.note(kind, since, code == 0 and not wrong, told=told)


def host_killed(bench: Bench, kind: str, lan: Network) -> None:
    """The host of one of two drivers; the other takes its tiles when their lease ends."""
    store = bench.fresh()
    one, two = (lan.start(h, *stub_command(store, *SHAPE, "--seconds", 0.1)) for h in (1, 2))
    until_tiles_are_done(store, 1)
    time.sleep(bench.rng.uniform(0, 0.8))
    since = time.monotonic()
    lan.lan.kill(1)
    one.ended()
    _judge(bench, kind, since, two, store)
    lan.mend()


def store_link_cut(bench: Bench, kind: str, lan: Network) -> None:
    """The link of the host of the S3 server, for some seconds."""
    found = lan.s3(3)
    url = "s3://minecover/survey"
    driver = lan.start(2, *stub_command(url, *SHAPE, "--seconds", 0.05), **found)
    time.sleep(bench.rng.uniform(0.8, 2.5))
    since, running = time.monotonic(), driver.process.poll() is None
    lan.lan.cut(3)
    time.sleep(bench.rng.uniform(0.5, 6.0))
    lan.lan.heal(3)
    driver.ended()
    copy = bench.fresh()
    lan.finish(lan.start(2, sys.executable, copy_store.__file__, url, copy, **found))
    if running:
        _judge(bench, kind, since, driver, copy)
    lan.renew()


def dask_link_cut(bench: Bench, kind: str, lan: Network) -> None:
    """The link of one of two workers, which are at a tile each; healed when the run is over."""
    lan.dask(1, 2, 3)
    store = bench.fresh()
    driver = lan.start(1, *_on_dask(lan, store))
    until_tiles_are_done(store, 2)
    since = time.monotonic()
    lan.lan.cut(3)
    _judge(bench, kind, since, driver, store)
    lan.renew()


def dask_scheduler_host_killed(bench: Bench, kind: str, lan: Network) -> None:
    """The driver on another host says so, asks to be run again, and then resumes."""
    lan.dask(1, 2, 3)
    store = bench.fresh()
    driver = lan.start(2, *_on_dask(lan, store))
    _head_killed(bench, kind, lan, store, driver, "the Dask scheduler")


def ray_head_host_killed(bench: Bench, kind: str, lan: Network) -> None:
    """The same for the head of a Ray cluster."""
    lan.ray(1, 2, 3)
    store = bench.fresh()
    driver = lan.start(2, *_on_ray(lan, store))
    _head_killed(bench, kind, lan, store, driver, "the head of the Ray cluster")


def ray_link_cut(bench: Bench, kind: str, lan: Network) -> None:
    """The link of one of two workers; there is no place for another in its stead."""
    lan.ray(1, 2, 3)
    store = bench.fresh()
    driver = lan.start(2, *_on_ray(lan, store))
    until_tiles_are_done(store, 3)
    since = time.monotonic()
    lan.lan.cut(3)
    _judge(bench, kind, since, driver, store)
    lan.renew()


def _on_dask(lan: Network, store: Path) -> list[str]:
    address = f"tcp://{lan.lan.address(1)}:{DASK_PORT}"
    return stub_command(
        store, *SHAPE, "--engine", "dask", "--address", address, "--seconds", 0.5
    )  # fmt: skip


def _on_ray(lan: Network, store: Path) -> list[str]:
    address = f"{lan.lan.address(1)}:{RAY_PORT}"
    return stub_command(
        store, *SHAPE, "--engine", "ray", "--address", address, "--seconds", 1.0
    )  # fmt: skip


def _head_killed(
    bench: Bench, kind: str, lan: Network, store: Path, driver: Running, named: str
) -> None:
    until_tiles_are_done(store, 3)
    since = time.monotonic()
    lan.lan.kill(1)
    code, told = driver.ended(), driver.told()
    if code == 75 and named in told:
        _judge(bench, kind, since, lan.start(2, *stub_command(store, *SHAPE)), store)
    else:
        bench.note(kind, since, same=False, told=f"{code}: {told[-500:]}")
    lan.renew()
