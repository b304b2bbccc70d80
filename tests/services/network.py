"""Processes on the hosts of `cluster/hosts`, for tests and campaigns that kill hosts."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path

from hosts import Lan
from minecover.engines.timeouts import DASK, RAY
from services.runs import environment

__all__ = ["DASK_PORT", "RAY_PORT", "Network", "Running", "longest_stall"]

DASK_PORT, RAY_PORT = 8786, 6379
BIN = Path(sys.executable).parent

SECONDS = 120.0
"""That anything may take."""


@dataclass(frozen=True)
class Running:
    """A process on a host.

    Its words go into a file: a pipe would be held open by the services that it leaves behind.
    """

    process: subprocess.Popen[bytes]
    log: Path

    def ended(self, seconds: float = SECONDS) -> int:
        """Wait for its exit code."""
        return self.process.wait(seconds)

    def told(self) -> str:
        """What it said so far."""
        return self.log.read_text()

    def until(self, words: str) -> str:
        """Wait until it says something; what it said."""
        deadline = time.monotonic() + SECONDS
        while words not in (told := self.told()):
            waiting = self.process.poll() is None and time.monotonic() < deadline
            assert waiting, f"{self.log.name} does not say {words!r}: {told[-2000:]}"
            time.sleep(0.05)
        return told


class Network:
    """Hosts that are up, and what was started on them."""

    def __init__(self, lan: Lan, logs: Path) -> None:
        self.lan, self.logs = lan, logs
        self.processes: list[subprocess.Popen[bytes]] = []
        self.numbers = count(1)
        # a Ray cluster lets in who knows its token
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self.variables = {**token, **DASK, **RAY}

    def start(self, host: int, *command: object) -> Running:
        """Start a command on a host, which knows of every service that was started before."""
        log = self.logs / f"h{host}-{next(self.numbers)}.log"
        with log.open("w") as told:
            process = subprocess.Popen(
                self.lan.command(host, *map(str, command)), stdout=told, stderr=told,
                env=environment(**self.variables),
            )  # fmt: skip
        self.processes.append(process)
        return Running(process, log)

    def dask(self, scheduler: int, *workers: int) -> str:
        """Start a Dask cluster, with one worker of one thread a host; its address."""
        address = f"tcp://{self.lan.address(scheduler)}:{DASK_PORT}"
        self.start(
            scheduler, BIN / "dask", "scheduler", "--no-dashboard",
            "--host", self.lan.address(scheduler), "--port", DASK_PORT,
        ).until("Scheduler at")  # fmt: skip
        started = [
            self.start(
                host, BIN / "dask", "worker", address, "--no-dashboard",
                "--host", self.lan.address(host), "--nthreads", 1, "--no-nanny",
                "--memory-limit", 0, "--local-directory", "/tmp",
            )
            for host in workers
        ]  # fmt: skip
        for worker in started:
            worker.until("Registered to")
        return address

    def ray(self, head: int, *workers: int) -> str:
        """Start a Ray cluster with no CPU at its head and one at each worker; its address."""
        address = f"{self.lan.address(head)}:{RAY_PORT}"
        common = ["--object-store-memory", 80_000_000, "--disable-usage-stats"]
        starting = self.start(
            head, BIN / "ray", "start", "--head", "--node-ip-address", self.lan.address(head),
            "--port", RAY_PORT, "--num-cpus", 0, "--include-dashboard", "false", *common,
        )  # fmt: skip
        self.finish(starting)
        for process in [
            self.start(
                host, BIN / "ray", "start", "--address", address,
                "--node-ip-address", self.lan.address(host), "--num-cpus", 1, *common,
            )
            for host in workers
        ]:  # fmt: skip
            self.finish(process)
        return address

    def s3(self, host: int) -> None:
        """Start an S3 server with a bucket `minecover`."""
        server = self.start(
            host, sys.executable, "-m", "services.s3", "--host", self.lan.address(host)
        )
        lines = server.until("# now").splitlines()
        exports = [line.removeprefix("export ") for line in lines if line.startswith("export ")]
        self.variables |= dict(line.split("=", 1) for line in exports)

    def finish(self, running: Running, code: int = 0) -> str:
        """Wait for a process to end with a code; what it said."""
        ended = running.ended()
        assert ended == code, (ended, running.told())
        return running.told()

    def fix(self) -> None:
        """Start the hosts that are dead, and join the links that are cut."""
        for host, state in self.lan.hosts().items():
            if state == "dead":
                self.lan.start(host)
            elif state == "cut":
                self.lan.heal(host)

    def renew(self) -> None:
        """Kill every host and start it again: nothing runs any more."""
        for host, state in self.lan.hosts().items():
            if state != "dead":
                self.lan.kill(host)
            self.lan.start(host)
        self.reap()

    def reap(self) -> None:
        """Wait for what ran on hosts that were killed."""
        while self.processes:
            self.processes.pop().wait(SECONDS)

    @classmethod
    @contextmanager
    def up(cls, name: str, count: int, shared: Path) -> Iterator[Network]:
        """Make hosts and take them down at the end, with all that runs on them.

        Parameters
        ----------
        name, count
            Of the network, and of its hosts.
        shared
            Seen by all hosts; logs go there.
        """
        lan = Lan(name)
        lan.down()  # what a run that was killed left
        lan.up(count, [shared])
        network = cls(lan, shared)
        try:
            yield network
        finally:
            lan.down()
            network.reap()


def longest_stall(store: Path) -> float:
    """Seconds that passed at most in a run without a tile being done."""
    markers = [json.loads(path.read_text()) for path in store.glob("ledger/*/*/done/*.json")]
    times = sorted(marker["at"] for marker in markers)
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)
