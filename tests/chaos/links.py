"""Hosts killed and links cut, on the hosts of `cluster/hosts` (root)."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
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
    lan.fix()


def store_link_cut(bench: Bench, kind: str, lan: Network) -> None:
    """The link of the host of the S3 server, for some seconds."""
    lan.s3(3)
    url = "s3://minecover/survey"
    driver = lan.start(2, *stub_command(url, *SHAPE, "--seconds", 0.05))
    time.sleep(bench.rng.uniform(0.8, 2.5))
    since, running = time.monotonic(), driver.process.poll() is None
    lan.lan.cut(3)
    time.sleep(bench.rng.uniform(0.5, 6.0))
    lan.lan.heal(3)
    driver.ended()
    copy = bench.fresh()
    lan.finish(lan.start(2, sys.executable, copy_store.__file__, url, copy))
    if running:
        _judge(bench, kind, since, driver, copy)
    lan.renew()


@dataclass(frozen=True)
class Cluster:
    """A cluster of the head on the first host and workers on the others."""

    engine: str
    head: str
    address: str
    seconds: float

    def started(self, lan: Network, host: int, store: Path) -> Running:
        """Start the cluster, and a driver of it on a host."""
        getattr(lan, self.engine)(1, 2, 3)
        address = self.address.format(lan.lan.address(1))
        arguments = ("--engine", self.engine, "--address", address, "--seconds", self.seconds)
        return lan.start(host, *stub_command(store, *SHAPE, *arguments))


DASK = Cluster("dask", "the Dask scheduler", f"tcp://{{}}:{DASK_PORT}", 0.5)
RAY = Cluster("ray", "the head of the Ray cluster", f"{{}}:{RAY_PORT}", 1.0)


def dask_link_cut(bench: Bench, kind: str, lan: Network) -> None:
    """The link of one of two workers, which are at a tile each; healed when the run is over."""
    _link_cut(bench, kind, lan, DASK)


def ray_link_cut(bench: Bench, kind: str, lan: Network) -> None:
    """The same of Ray; there is no place for another worker in its stead."""
    _link_cut(bench, kind, lan, RAY)


def _link_cut(bench: Bench, kind: str, lan: Network, cluster: Cluster) -> None:
    store = bench.fresh()
    driver = cluster.started(lan, 1, store)
    until_tiles_are_done(store, 2)
    since = time.monotonic()
    lan.lan.cut(3)
    _judge(bench, kind, since, driver, store)
    lan.renew()


def dask_scheduler_host_killed(bench: Bench, kind: str, lan: Network) -> None:
    """The driver on another host says so, asks to be run again, and then resumes."""
    _head_killed(bench, kind, lan, DASK)


def ray_head_host_killed(bench: Bench, kind: str, lan: Network) -> None:
    """The same for the head of a Ray cluster."""
    _head_killed(bench, kind, lan, RAY)


def _head_killed(bench: Bench, kind: str, lan: Network, cluster: Cluster) -> None:
    store = bench.fresh()
    driver = cluster.started(lan, 2, store)
    until_tiles_are_done(store, 3)
    since = time.monotonic()
    lan.lan.kill(1)
    code, told = driver.ended(), driver.told()
    if code == 75 and cluster.head in told:
        _judge(bench, kind, since, lan.start(2, *stub_command(store, *SHAPE)), store)
    else:
        bench.note(kind, since, same=False, told=f"{code}: {told[-500:]}")
    lan.renew()
